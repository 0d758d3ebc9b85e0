/**
 * The two pages at the beginning of a database, which say how it is laid out: struct `MDB_meta` of the
 * liblmdb that the package `lmdb` 3 contains (data format 2), on machines of 64 bits.
 */
import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { endianness } from "node:os";

/** Where such a page has the values that are read. */
const AT = { flags: 18, magic: 24, version: 28, pageSize: 48, lastPage: 144, end: 152 } as const;
const META_FLAG = 8;
const MAGIC = 0xbe_ef_c0_de;
const FORMAT_VERSION = 2;
const PAGE_SIZES: ReadonlySet<number> = new Set([
  512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536,
]);

interface MetaPage {
  readonly pageSize: number;
  readonly lastPage: number;
}

/** Returns whether a file is empty or begins with two pages that describe an LMDB database. */
export async function isDatabase(handle: FileHandle): Promise<boolean> {
  return (await handle.stat()).size === 0 || (await readMetaPages(handle)) !== undefined;
}

/**
 * Gives a file all of its pages, if it ends before the last: lmdb maps the file into memory, and the
 * operating system ends a process (SIGBUS) that reads beyond its end. Of pages full of zeros lmdb says
 * that they are damaged. A healthy database may lack its last pages, too, while they are free.
 *
 * Nothing may be written to the file until this resolves.
 */
export async function extendToLastPage(handle: FileHandle): Promise<void> {
  const pages = await readMetaPages(handle);
  if (pages === undefined) return;
  const [{ pageSize }] = pages;
  const end = (Math.max(...pages.map(({ lastPage }) => lastPage)) + 1) * pageSize;
  const { size } = await handle.stat();
  if (size >= end) return;
  // In a page that is there in part, lmdb would miss the records of the other part.
  const partBytes = size % pageSize;
  if (partBytes > 0) await handle.truncate(size - partBytes);
  await handle.truncate(end);
}

/** Returns both pages, or nothing if one of them is missing or is no such page. */
async function readMetaPages(
  handle: FileHandle,
): Promise<readonly [MetaPage, MetaPage] | undefined> {
  const first = await readMetaPage(handle, 0);
  if (first === undefined) return;
  const second = await readMetaPage(handle, first.pageSize);
  return second?.pageSize === first.pageSize ? [first, second] : undefined;
}

async function readMetaPage(handle: FileHandle, position: number): Promise<MetaPage | undefined> {
  const bytes = Buffer.alloc(AT.end);
  const { bytesRead } = await handle.read(bytes, 0, AT.end, position);
  if (bytesRead < AT.end) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, AT.end);
  // LMDB writes numbers as the machine has them.
  const isLittle = endianness() === "LE";
  const isMeta =
    (view.getUint16(AT.flags, isLittle) & META_FLAG) !== 0 &&
    view.getUint32(AT.magic, isLittle) === MAGIC &&
    (view.getUint32(AT.version, isLittle) & 0xffff) === FORMAT_VERSION;
  const pageSize = view.getUint32(AT.pageSize, isLittle);
  if (!isMeta || !PAGE_SIZES.has(pageSize)) return;
  return { pageSize, lastPage: Number(view.getBigUint64(AT.lastPage, isLittle)) };
}
