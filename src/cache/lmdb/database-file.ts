/** Looks at a file before lmdb does: what it cannot open ends the process instead of failing. */
import { constants } from "node:fs";
import { access, type FileHandle, lstat, open, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { extendToLastPage, isDatabase } from "./meta-pages.js";

/**
 * Returns the one name of a file, which is there afterwards: ours alone if it is new, and no
 * symbolic link.
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
 * Makes sure that lmdb can open a file and read all of it. Nothing may be written to it until this resolves.
 *
 * @throws Error The file holds something else, or its locks cannot be used.
 */
export async function checkFile(file: string): Promise<void> {
  await withFile(file, async (handle) => {
    if (!(await isDatabase(handle))) throw new Error("not an LMDB file, or of another format");
    await extendToLastPage(handle);
  });
  await checkLockFile(`${file}-lock`);
}

/**
 * Makes sure that all of an environment can be read. Nothing may be written to it until this resolves.
 *
 * @param path - Where it is: a file, or a folder; nothing is done if it is not there yet.
 */
export async function extendFile(path: string): Promise<void> {
  const file = await dataFileOf(path);
  if ((await stat(file).catch(() => undefined)) === undefined) return;
  await withFile(file, extendToLastPage);
}

/** Returns the one name of the data file of an environment. */
export async function dataFileOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return join(await realpath(path), "data.mdb");
  if (found !== undefined) return realpath(path);
  // To lmdb, such a path is a folder's.
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

/** Throws if the file of locks cannot be used. It is not opened: closing it would drop our locks. */
async function checkLockFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return access(dirname(path), constants.W_OK);
  if (!found.isFile()) throw new Error("not a regular file");
  return access(path, constants.R_OK | constants.W_OK);
}
