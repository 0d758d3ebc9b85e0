/**
 * The first bytes of common formats. The packages that recognise more formats read streams, have several
 * dependencies and need a later Node, so this library has its own table.
 *
 * Source: the formats' specifications, and the IANA registry of media types.
 */
const SIGNATURES: readonly (readonly [mediaType: string, bytes: string, offset?: number])[] = [
  ["image/png", "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", "\xff\xd8\xff"],
  ["image/gif", "GIF87a"],
  ["image/gif", "GIF89a"],
  ["image/webp", "WEBP", 8],
  ["image/avif", "ftypavif", 4],
  ["image/heic", "ftypheic", 4],
  ["image/tiff", "II*\0"],
  ["image/tiff", "MM\0*"],
  ["image/bmp", "BM"],
  ["application/dicom", "DICM", 128],
  ["application/pdf", "%PDF-"],
  ["application/zip", "PK\x03\x04"],
  ["application/gzip", "\x1f\x8b\x08"],
  ["application/zstd", "\x28\xb5\x2f\xfd"],
  ["application/x-xz", "\xfd7zXZ\0"],
  ["application/x-7z-compressed", "7z\xbc\xaf\x27\x1c"],
  ["application/vnd.sqlite3", "SQLite format 3\0"],
  ["application/vnd.apache.parquet", "PAR1"],
  ["application/wasm", "\0asm"],
  ["application/ogg", "OggS"],
  ["audio/flac", "fLaC"],
  ["audio/mpeg", "ID3"],
  ["audio/wav", "WAVE", 8],
  ["video/webm", "\x1a\x45\xdf\xa3"],
  ["video/mp4", "ftyp", 4],
];
const HEAD_BYTES = 256;

/** Returns the media type of a known format, by its first bytes; `undefined` for all others. */
export function mediaTypeOf(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  return SIGNATURES.find(([, signature, offset = 0]) => head.startsWith(signature, offset))?.[0];
}
