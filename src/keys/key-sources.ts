/** Where the keys of a ring come from: a private file, a mounted secret, an environment variable. */
import { Buffer } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { isKept, openTrusted, type Refusal } from "./path-trust.js";

/** Keys as text by their ids, and which of them is the current one. */
interface KeyList {
  readonly current: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** A source that can be read again. */
export interface KeySource {
  /** How messages call it. */
  readonly kind: "file" | "environment variable";
  /** Returns the keys that are there now. @throws TypeError It cannot be read, or is no such list. */
  read(): KeyList;
}

/** How a key file is kept. */
export interface KeyFileOptions {
  /**
   * Accepts a file that others can read, as the mounts of container platforms are (mode 0440 or 0444,
   * behind symbolic links): it, and every folder and link on the way to it, belong to root or this user,
   * and nobody else can change them. Default `false`: the file is its owner's alone, mode 0600 or 0400.
   */
  readonly mounted?: boolean | undefined;
}

const MAX_KEY_FILE_BYTES = 65_536;
const GROUP_AND_OTHERS = 0o077;

/** Returns the source of an environment variable. */
export function environmentSource(name: string): KeySource {
  return {
    kind: "environment variable",
    read() {
      const text = process.env[name];
      if (text === undefined || text === "") {
        throw new TypeError("KeyRing.fromEnv: the environment variable is not set");
      }
      return parseKeyList(text, "KeyRing.fromEnv");
    },
  };
}

/** Returns the source of a file: the one that the path leads to now, whatever folder is current later. */
export function fileSource(path: string, { mounted = false }: KeyFileOptions): KeySource {
  const place = absolutePath(path);
  return {
    kind: "file",
    read: () => parseKeyList(readKeyFile(place, ruleFor(mounted)), FILE),
  };
}

const FILE = "KeyRing.fromFile";

/** Parts of the path stay as they are: `..` behind a link leads up from the link's target. */
function absolutePath(path: string): string {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`${FILE}: path must be a string that is not empty`);
  }
  if (process.platform === "win32") return resolve(path);
  return isAbsolute(path) ? path : `${currentFolder()}/${path}`;
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    throw new TypeError(`${FILE}: ${REFUSALS.absent}`);
  }
}

/** How the key file is opened, and what is asked of it; both throw if it is not kept as it has to be. */
interface FileRule {
  open(path: string): number;
  check(stats: Stats): void;
}

const PRIVATE: FileRule = { open: openFile, check: checkPrivate };
const MOUNTED: FileRule = { open: openMounted, check: checkMounted };
/** Windows has neither modes nor numbers of users. */
const UNCHECKED: FileRule = { open: openFile, check: () => undefined };

function ruleFor(mounted: boolean): FileRule {
  if (process.platform === "win32") return UNCHECKED;
  return mounted ? MOUNTED : PRIVATE;
}

/** Key files are small and read at the start and when keys rotate: reading one may hold the event loop. */
function readKeyFile(path: string, { open, check }: FileRule): string {
  const file = open(path);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new TypeError(`${FILE}: the key file is not a file`);
    check(stats);
    const bytes = Buffer.alloc(MAX_KEY_FILE_BYTES + 1);
    try {
      const length = readWhole(file, bytes);
      if (length > MAX_KEY_FILE_BYTES) throw new TypeError(`${FILE}: the key file is too large`);
      return bytes.toString("utf8", 0, length);
    } finally {
      bytes.fill(0);
    }
  } finally {
    closeSync(file);
  }
}

const REFUSALS: Readonly<Record<Refusal, string>> = {
  absent: "the key file cannot be opened",
  replaceable: "others can replace the mounted key file",
  replaced: "the mounted key file was replaced while it was being opened",
};

function openFile(path: string): number {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // Node's own error would carry the path.
    throw new TypeError(`${FILE}: ${REFUSALS.absent}`);
  }
}

/** Those who can change the file, or put another in its place, choose the keys. */
function openMounted(path: string): number {
  const opened = openTrusted(path);
  if (typeof opened === "number") return opened;
  throw new TypeError(`${FILE}: ${REFUSALS[opened]}`);
}

function readWhole(file: number, bytes: Buffer): number {
  let length = 0;
  for (;;) {
    const read = readSync(file, bytes, length, bytes.length - length, null);
    length += read;
    if (read === 0 || length === bytes.length) return length;
  }
}

function checkPrivate({ mode }: Stats): void {
  if ((mode & GROUP_AND_OTHERS) === 0) return;
  throw new TypeError(
    `${FILE}: others can read the key file; make its mode 0600, or say { mounted: true } for a ` +
      "secret that a container platform mounted",
  );
}

function checkMounted(stats: Stats): void {
  if (isKept(stats)) return;
  throw new TypeError(`${FILE}: others can write the mounted key file, or own it`);
}

function parseKeyList(text: string, source: string): KeyList {
  const entries = text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.split(","))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => entry.split(":"));
  const keys: Record<string, string> = Object.create(null);
  for (const [id, key, ...rest] of entries) {
    if (id === undefined || key === undefined || rest.length > 0 || id in keys) {
      throw new TypeError(`${source}: expected distinct entries of the form id:key`);
    }
    keys[id] = key;
  }
  const current = entries[0]?.[0];
  if (current === undefined) throw new TypeError(`${source}: expected at least one id:key`);
  return { current, keys };
}
