/** Checks a file before lmdb opens it: lmdb crashes the process on some files that it cannot open. */
import { constants } from "node:fs";
import { access, type FileHandle, lstat, open, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { extendToLastPage, isDatabase } from "./meta-pages.js";

/**
 * Returns the canonical path of a file, which is created if it does not exist, readable by its owner
 * only. Refuses symbolic links.
 *
 * @throws Error The file cannot be opened.
 */
export async function prepareFile(path: string): Promise<string> {
  const file = join(await realpath(dirname(path)), basename(path));
  await withFile(file, async (handle) => {
    if (!(await handle.stat()).isFile()) throw new Error("not a regular file");
  });
  return file;
}

/**
 * Checks that lmdb can open a file, and extends the file so that all of it can be read. No process may
 * write to the file until this resolves.
 *
 * @throws Error The file is not an LMDB file, or its lock file cannot be used.
 */
export async function checkFile(file: string): Promise<void> {
  await withFile(file, async (handle) => {
    if (!(await isDatabase(handle))) throw new Error("not an LMDB file, or of another format");
    await extendToLastPage(handle);
  });
  await checkLockFile(`${file}-lock`);
}

/**
 * Extends the file of an environment so that all of it can be read. No process may write to the file
 * until this resolves.
 *
 * @param path - The path of the environment: a file, or a folder. It need not exist.
 */
export async function extendFile(path: string): Promise<void> {
  const file = await dataFileOf(path);
  if ((await stat(file).catch(() => undefined)) === undefined) return;
  await withFile(file, extendToLastPage);
}

/** Returns the canonical path of the data file of an environment. */
export async function dataFileOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return join(await realpath(path), "data.mdb");
  if (found !== undefined) return realpath(path);
  // lmdb treats a path without an extension as a folder.
  if (extname(path) === "") throw new Error("create the folder of the environment first");
  return join(await realpath(dirname(path)), basename(path));
}

async function withFile(path: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}

/** Throws if the lock file cannot be used. It is not opened, because closing it would drop our locks. */
async function checkLockFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return access(dirname(path), constants.W_OK);
  if (!found.isFile()) throw new Error("not a regular file");
  return access(path, constants.R_OK | constants.W_OK);
}
