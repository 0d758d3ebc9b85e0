/** The sources of a ring's keys: a private file, a mounted secret, an environment variable. */
import { Buffer } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { isKept, openTrusted, type Refusal } from "./path-trust.js";

/** Keys as text by their ids, and the id of the current one. */
interface KeyList {
  readonly current: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** A source that can be read repeatedly. */
export interface KeySource {
  /** The name of the source in messages. */
  readonly kind: "file" | "environment variable";
  /**
   * Returns the keys that the source has now. @throws TypeError The source cannot be read, or is not a key
   * list.
   */
  read(): KeyList;
}

/** Options of a key file. */
export interface KeyFileOptions {
  /**
   * Accepts a file that other users can read, as container platforms mount secrets (mode 0440 or 0444, behind
   * symbolic links). The file and every folder and link on its path must belong to root or this user, and
   * other users must not be able to change them. Default `false`: only the owner can read the file, mode 0600
   * or 0400.
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

/**
 * Returns the source for a file. The path is resolved now, so a later change of the current folder has no
 * effect.
 */
export function fileSource(path: string, { mounted = false }: KeyFileOptions): KeySource {
  const place = absolutePath(path);
  return {
    kind: "file",
    read: () => parseKeyList(readKeyFile(place, ruleFor(mounted)), FILE),
  };
}

const FILE = "KeyRing.fromFile";

/** Does not normalise the path: `..` after a link means the parent of the link's target. */
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

/** How to open and check a key file. Both functions throw if the file's permissions are not strict enough. */
interface FileRule {
  open(path: string): number;
  check(stats: Stats): void;
}

const PRIVATE: FileRule = { open: openFile, check: checkPrivate };
const MOUNTED: FileRule = { open: openMounted, check: checkMounted };
/** Windows has neither modes nor user ids, so nothing is checked there. */
const UNCHECKED: FileRule = { open: openFile, check: () => undefined };

function ruleFor(mounted: boolean): FileRule {
  if (process.platform === "win32") return UNCHECKED;
  return mounted ? MOUNTED : PRIVATE;
}

/** Reads synchronously: key files are small, and are read only at the start and when keys rotate. */
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
    // Node's own error would contain the path.
    throw new TypeError(`${FILE}: ${REFUSALS.absent}`);
  }
}

/** Opens a mounted file. Checks who can change or replace the file, because they choose the keys. */
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
