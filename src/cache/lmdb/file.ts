/** Looks at a file before lmdb does: what it cannot open ends the process instead of failing. */
import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { access, type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { endianness } from "node:os";
import { basename, dirname, join } from "node:path";
import { pause } from "../../primitives/timers.js";

/** Where a page that describes the database has what must be there. */
const META = { flagsAt: 18, magicAt: 24, versionAt: 28, pageSizeAt: 48, end: 52 } as const;
const META_FLAG = 8;
const MAGIC = 0xbe_ef_c0_de;
const FORMAT_VERSION = 2;
const PAGE_SIZES: ReadonlySet<number> = new Set([
  512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536,
]);
/** A file is not read at the moment at which another process creates it. */
const ATTEMPTS = 5;
const PAUSE_MS = 10;

/**
 * Returns the one name of a file, which is there afterwards: ours alone if it is new, and no
 * symbolic link.
 *
 * @throws Error The file cannot be opened, or holds something else.
 */
export async function prepareFile(path: string): Promise<string> {
  const file = join(await realpath(dirname(path)), basename(path));
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o600);
  try {
    if (!(await handle.stat()).isFile()) throw new Error("not a regular file");
    await checkContent(handle);
  } finally {
    await handle.close();
  }
  await checkLockFile(`${file}-lock`);
  return file;
}

async function checkContent(handle: FileHandle): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    if (await isDatabase(handle)) return;
    if (attempt === ATTEMPTS) throw new Error("not an LMDB file, or of another format");
    await pause(PAUSE_MS);
  }
}

/** Tells whether a file is empty or begins with two pages that describe an LMDB database. */
async function isDatabase(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return true;
  const pageSize = await pageSizeAt(handle, 0);
  return PAGE_SIZES.has(pageSize) && (await pageSizeAt(handle, pageSize)) === pageSize;
}

/** Returns the size of pages that a page tells, or 0 if it is no page that could. */
async function pageSizeAt(handle: FileHandle, position: number): Promise<number> {
  const bytes = Buffer.alloc(META.end);
  const { bytesRead } = await handle.read(bytes, 0, META.end, position);
  if (bytesRead < META.end) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, META.end);
  // LMDB writes numbers as the machine has them.
  const isLittle = endianness() === "LE";
  const isMeta =
    (view.getUint16(META.flagsAt, isLittle) & META_FLAG) !== 0 &&
    view.getUint32(META.magicAt, isLittle) === MAGIC &&
    (view.getUint32(META.versionAt, isLittle) & 0xffff) === FORMAT_VERSION;
  return isMeta ? view.getUint32(META.pageSizeAt, isLittle) : 0;
}

/** Throws if the file of locks cannot be used. It is not opened: closing it would drop our locks. */
async function checkLockFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return access(dirname(path), constants.W_OK);
  if (!found.isFile()) throw new Error("not a regular file");
  return access(path, constants.R_OK | constants.W_OK);
}
