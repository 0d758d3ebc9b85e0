/**
 * Keeps the writers of a file still while another process opens it.
 *
 * lmdb reads the number of the last transaction from the file when it opens it, and writes that to the
 * table of locks a moment later (`mdb_env_open2` in lmdb 3.5.6). A commit of another process in that
 * moment is counted back: the next one overwrites it, acknowledged as it was, and pages are used
 * twice. So whoever opens a file announces that with a marker beside it and waits until nobody writes;
 * writers put up a flag and then look for the marker. Whichever comes first, one sees the other.
 */
import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { threadId } from "node:worker_threads";
import { Deadline } from "../deadline.js";

/** A marker that its process no longer renews is that of one that was killed. */
const MARKER_LIFETIME_MS = 1500;
const OPENING_TIMEOUT_MS = 10_000;
/** A flag stays up for a while: more is often written soon. */
const LINGERING_MS = 20;
const OWNERS_ALONE = 0o600;

function markerOf(file: string): string {
  return `${file}-opening`;
}

function isAnnounced(file: string): boolean {
  const marker = statSync(markerOf(file), { throwIfNoEntry: false });
  return marker !== undefined && Date.now() - marker.mtimeMs < MARKER_LIFETIME_MS;
}

/** The flag of this thread for a file. */
export class WriterFlag {
  readonly #file: string;
  readonly #flag: string;
  #writing = 0;
  #isUp = false;
  #lingering: NodeJS.Timeout | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#flag = `${file}-writer-${process.pid}-${threadId}`;
  }

  /** Tells whether writing may begin; if so, {@link WriterFlag.leave} has to be called after it. */
  enter(): boolean {
    if (!this.#isUp) writeFileSync(this.#flag, "", { mode: OWNERS_ALONE });
    this.#isUp = true;
    if (isAnnounced(this.#file)) {
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
    if (isAnnounced(this.#file)) this.lower();
    else this.#lingering ??= setTimeout(() => this.#lowerIfIdle(), LINGERING_MS).unref();
  }

  /** Takes the flag down. */
  lower(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    if (this.#isUp) rmSync(this.#flag, { force: true });
    this.#isUp = false;
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
export async function openAlone<T>(file: string, open: () => T): Promise<T> {
  const deadline = new Deadline({ timeoutMs: OPENING_TIMEOUT_MS });
  const marker = markerOf(file);
  await untilTrue(deadline, () => announce(file));
  try {
    await untilTrue(deadline, () => {
      utimesSync(marker, new Date(), new Date());
      return !hasWriters(file);
    });
    return open();
  } finally {
    rmSync(marker, { force: true });
  }
}

/** Puts up the marker, unless somebody else's is there. */
function announce(file: string): boolean {
  try {
    writeFileSync(markerOf(file), "", { flag: "wx", mode: OWNERS_ALONE });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!isAnnounced(file)) rmSync(markerOf(file), { force: true });
    return false;
  }
}

function hasWriters(file: string): boolean {
  const [folder, prefix] = [dirname(file), `${basename(file)}-writer-`];
  const flags = readdirSync(folder).filter((name) => name.startsWith(prefix));
  return flags.some((name) => {
    if (isAlive(Number(name.slice(prefix.length).split("-")[0]))) return true;
    rmSync(join(folder, name), { force: true });
    return false;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function untilTrue(deadline: Deadline, attempt: () => boolean): Promise<void> {
  for (let attempts = 1; !attempt(); attempts++) {
    if (deadline.hasPassed) throw new Error("other processes do not stop writing or opening");
    await deadline.pause(Math.min(attempts, 4));
  }
}
