/**
 * The two pages at the beginning of a database that describe its layout: struct `MDB_meta` of the liblmdb
 * that the package `lmdb` 3 contains (data format 2), on 64-bit machines.
 */
import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { endianness } from "node:os";

/** The offsets of the values in such a page. */
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
 * Extends a file that ends before its last page. lmdb maps the file into memory, and the operating system
 * kills a process (SIGBUS) that reads beyond the end of the file. lmdb reports the added pages, which are
 * full of zeros, as damaged. A healthy database may lack its last pages, too, while they are free.
 *
 * No process may write to the file until this resolves.
 */
export async function extendToLastPage(handle: FileHandle): Promise<void> {
  const pages = await readMetaPages(handle);
  if (pages === undefined) return;
  const [{ pageSize }] = pages;
  const end = (Math.max(...pages.map(({ lastPage }) => lastPage)) + 1) * pageSize;
  const { size } = await handle.stat();
  if (size >= end) return;
  // A page of which only a part exists is cut off: lmdb would silently miss records of its other part.
  const partBytes = size % pageSize;
  if (partBytes > 0) await handle.truncate(size - partBytes);
  await handle.truncate(end);
}

/** Returns both pages, or `undefined` if one of them is missing or invalid. */
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
  // LMDB writes numbers in the byte order of the machine.
  const isLittle = endianness() === "LE";
  const isMeta =
    (view.getUint16(AT.flags, isLittle) & META_FLAG) !== 0 &&
    view.getUint32(AT.magic, isLittle) === MAGIC &&
    (view.getUint32(AT.version, isLittle) & 0xffff) === FORMAT_VERSION;
  const pageSize = view.getUint32(AT.pageSize, isLittle);
  if (!isMeta || !PAGE_SIZES.has(pageSize)) return;
  return { pageSize, lastPage: Number(view.getBigUint64(AT.lastPage, isLittle)) };
}
