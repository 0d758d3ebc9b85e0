/**
 * Keeps the writers of a file still while another process opens it.
 *
 * lmdb reads the number of the last transaction from the file when it opens it, and writes that to the
 * table of locks a moment later (`mdb_env_open2` in lmdb 3.5.6). A commit of another process in that
 * moment is counted back: the next one overwrites it, acknowledged as it was, and pages are used
 * twice. So whoever opens a file announces that with a marker and waits until nobody writes; writers
 * put up a flag and then look for the marker. Whichever comes first, one sees the other.
 *
 * Both are files in a folder beside the database, and both expire unless they are renewed: processes are
 * killed, and cannot always be asked whether they live. The time of a file is when it expires.
 */
import { randomBytes } from "node:crypto";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "../../primitives/timers.js";
import { Deadline } from "../deadline.js";

/** How long a sign is valid, and how often it is renewed. */
const LIFETIME_MS = 1000;
const RENEWAL_MS = 200;
/** Opening blocks its process, so that nothing is renewed meanwhile. */
const LONGEST_OPENING_MS = 10_000;
const OPENING_TIMEOUT_MS = 15_000;
/** A flag stays up for a while: more is often written soon. */
const LINGERING_MS = 20;
const WRITER = "writer-";

/** Returns the folder for signs about a file, which is there afterwards. */
function gateOf(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const gate = `${isFolder ? join(path, "data.mdb") : path}-gate`;
  mkdirSync(gate, { recursive: true, mode: 0o700 });
  if (!lstatSync(gate).isDirectory()) throw new Error("not a folder of its own");
  return gate;
}

function markerIn(gate: string): string {
  return join(gate, "opening");
}

/** Makes a sign, valid from the moment it is there; throws if there is one. */
function putUp(sign: string, content: string): void {
  const draft = `${sign}-${randomBytes(8).toString("hex")}`;
  writeFileSync(draft, content, { flag: "wx", mode: 0o600 });
  try {
    renew(draft, LIFETIME_MS);
    linkSync(draft, sign);
  } finally {
    takeDown(draft);
  }
}

function renew(sign: string, lifetimeMs: number): void {
  const expiresAt = new Date(Date.now() + lifetimeMs);
  utimesSync(sign, expiresAt, expiresAt);
}

/** A sign that is valid for longer than any is made for is from before the clock was set back. */
function isValid(sign: string): boolean {
  const status = lstatSync(sign, { throwIfNoEntry: false });
  if (status?.isFile() !== true) return false;
  const leftMs = status.mtimeMs - Date.now();
  return leftMs > 0 && leftMs <= LONGEST_OPENING_MS;
}

/** What cannot be taken down expires. */
function takeDown(sign: string): void {
  try {
    rmSync(sign, { force: true });
  } catch {
    // The folder may have become unwritable.
  }
}

/** The flag of this thread for a file. */
export class WriterFlag {
  readonly #flag: string;
  readonly #marker: string;
  #writing = 0;
  #renewing: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  /** @param path - Where the environment is: a file, or a folder. */
  constructor(path: string) {
    const gate = gateOf(path);
    this.#flag = join(gate, `${WRITER}${process.pid}-${threadId}`);
    this.#marker = markerIn(gate);
  }

  /**
   * Tells whether writing may begin; if so, {@link WriterFlag.leave} has to be called after it.
   *
   * @throws Error The flag cannot be put up; nothing may be written.
   */
  enter(): boolean {
    if (this.#renewing === undefined) this.#raise();
    if (isValid(this.#marker)) {
      if (this.#writing === 0) this.lower();
      return false;
    }
    this.#writing += 1;
    return true;
  }

  /** Says that something that was begun has ended. */
  leave(): void {
    this.#writing -= 1;
    if (this.#writing > 0) return;
    if (isValid(this.#marker)) this.lower();
    else this.#lingering ??= setTimeout(() => this.#lowerIfIdle(), LINGERING_MS).unref();
  }

  /** Takes the flag down. */
  lower(): void {
    clearTimeout(this.#lingering);
    clearInterval(this.#renewing);
    this.#lingering = undefined;
    this.#renewing = undefined;
    takeDown(this.#flag);
  }

  #raise(): void {
    // One of this name is from an earlier process of the same number.
    rmSync(this.#flag, { force: true });
    putUp(this.#flag, "");
    this.#renewing = setInterval(() => this.#renew(), RENEWAL_MS).unref();
  }

  #renew(): void {
    try {
      renew(this.#flag, LIFETIME_MS);
    } catch {
      // It was removed by hand, or the folder was: the next write puts it up again.
      if (this.#writing === 0) this.lower();
    }
  }

  #lowerIfIdle(): void {
    this.#lingering = undefined;
    if (this.#writing === 0) this.lower();
  }
}

/**
 * Opens a file while nobody writes to it.
 *
 * @throws Error Others go on writing, or opening, for too long.
 */
export async function openAlone<T>(path: string, open: () => T): Promise<T> {
  const deadline = new Deadline({ timeoutMs: OPENING_TIMEOUT_MS });
  const gate = gateOf(path);
  const announcement = { marker: markerIn(gate), name: randomBytes(16).toString("hex") };
  try {
    await untilTrue(
      deadline,
      () =>
        (isOurs(announcement) || announce(announcement)) &&
        keep(announcement, LIFETIME_MS) &&
        !hasWriters(gate) &&
        keep(announcement, LONGEST_OPENING_MS),
    );
    return open();
  } finally {
    if (isOurs(announcement)) takeDown(announcement.marker);
  }
}

interface Announcement {
  readonly marker: string;
  /** Tells it from those of others. */
  readonly name: string;
}

/** Puts up the marker, unless somebody else's is there. */
function announce({ marker, name }: Announcement): boolean {
  if (isValid(marker)) return false;
  takeDown(marker);
  try {
    putUp(marker, name);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Keeps the marker up, unless somebody has taken it for an expired one. */
function keep({ marker }: Announcement, lifetimeMs: number): boolean {
  try {
    renew(marker, lifetimeMs);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}

function isOurs({ marker, name }: Announcement): boolean {
  try {
    return readFileSync(marker, "utf8") === name;
  } catch {
    return false;
  }
}

function hasWriters(gate: string): boolean {
  const flags = readdirSync(gate).filter((name) => name.startsWith(WRITER));
  return flags.some((name) => isValid(join(gate, name)));
}

async function untilTrue(deadline: Deadline, attempt: () => boolean): Promise<void> {
  for (let attempts = 1; !attempt(); attempts++) {
    if (deadline.hasPassed) throw new Error("other processes do not stop writing or opening");
    await deadline.pause(Math.min(attempts, 4));
  }
}
