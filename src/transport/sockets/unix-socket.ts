/**
 * Prepares the path of a Unix socket: in a folder that only its owner can access, without replacing other
 * files.
 */
import { Buffer } from "node:buffer";
import { chmodSync, lstatSync, mkdirSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, resolve as resolvePath } from "node:path";
import { randomHex } from "../../primitives/random-pool.js";

const OWNERS_FOLDER = 0o700;
const OWNERS_SOCKET = 0o600;
const OTHERS = 0o077;
/** The smallest limit of all systems; a longer path would be truncated silently. */
const MAX_PATH_BYTES = 103;
const PROBE_MS = 2000;

/**
 * Prepares `path` for a new socket: creates the folder, and removes a socket on which no server listens.
 *
 * @throws RangeError The path is too long, or not one of the file system.
 * @throws Error `EACCES` if others may write to the folder, `EADDRINUSE` if something exists at the path.
 */
export async function claimSocketPath(path: string): Promise<void> {
  // An abstract socket, whose name starts with NUL, is open to every user.
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || path.includes("\0")) {
    throw new RangeError(`options.path must be a path of at most ${MAX_PATH_BYTES} bytes`);
  }
  securePlace(dirname(resolvePath(path)));
  const found = statusOf(path);
  if (found === undefined) return;
  if (!found.isSocket() || !isOurs(found)) {
    throw refusal("EADDRINUSE", "options.path names something that is not a socket of this user");
  }
  if (await isResponded(path)) throw inUse();
  removeStale(path, found);
}

/** Restricts a socket to its owner. */
export function restrictSocket(path: string): void {
  chmodSync(path, OWNERS_SOCKET);
}

function securePlace(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: OWNERS_FOLDER });
  const status = statusOf(folder);
  if (status === undefined || !status.isDirectory() || !isOurs(status) || status.mode & OTHERS) {
    throw refusal("EACCES", "options.path must be in a folder of this user alone (mode 0700)");
  }
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isOurs(status: Stats): boolean {
  return status.uid === process.getuid?.();
}

/** Returns whether a server listens there. Only a refused connection proves that none does. */
function isResponded(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path, timeout: PROBE_MS });
    const settle = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    probe.once("connect", () => settle(true));
    probe.once("timeout", () => settle(true));
    probe.once("error", (error: NodeJS.ErrnoException) => settle(error.code !== "ECONNREFUSED"));
  });
}

/** If two servers start at once, the second must not remove the socket of the first. */
function removeStale(path: string, stale: Stats): void {
  if (!isSame(statusOf(path), stale)) throw inUse();
  const aside = `${path}.${randomHex(2)}`;
  renameSync(path, aside);
  if (!isSame(statusOf(aside), stale)) {
    renameSync(aside, path);
    throw inUse();
  }
  unlinkSync(aside);
}

/** A new file may get the inode number of one that was just removed, but not its time. */
function isSame(found: Stats | undefined, { ino, mtimeMs }: Stats): boolean {
  return found?.ino === ino && found.mtimeMs === mtimeMs;
}

function inUse(): Error {
  return refusal("EADDRINUSE", "a server already listens at options.path");
}

function refusal(code: "EADDRINUSE" | "EACCES", message: string): Error {
  return Object.assign(new Error(message), { code });
}
