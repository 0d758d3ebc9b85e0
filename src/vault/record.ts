/**
 * The sealed record, version 1: `docs/record-format.md` describes it byte by byte.
 *
 * A record's head starts with four bytes in the clear, which are authenticated. The rest of the head is one
 * ciphertext of the vault's encryptor. It holds the access policy, the safe view, and either a small
 * payload or the key of a detached body.
 */
import { Buffer } from "node:buffer";
import { MAX_UTF8_RATIO } from "../primitives/bytes.js";
import type { AccessPolicy } from "./access-policy.js";
import type { EncryptionContext } from "./contracts.js";
import { RecordIntegrityError, RecordUnsupportedError } from "./errors.js";

/** Version of the record format. */
export const RECORD_VERSION = 1;
/** Length of the clear prefix of a head, in bytes. */
export const PREFIX_BYTES = 4;

const MAGIC_0 = 0x48; // "H"
const MAGIC_1 = 0x56; // "V"
const UNLIMITED_USES = 0xffff_ffff;
/** Revision, times and uses, and the lengths of owner, grants and safe view. */
const FIXED_FIELDS_BYTES: number = 4 + 8 + 8 + 4 + 2 + 2 + 2;
const MAX_COUNTER = 0xffff_ffff;

/** The place of a record's payload: in the head, in a detached body, or nowhere after the last use. */
export type RecordForm = "inline" | "detached" | "spent";

/**
 * The flags byte of each form: bit 0 means detached, bit 1 spent. Bit 7 is a parity bit, so that one flipped
 * bit never turns one form into another.
 */
const FLAGS: Record<RecordForm, number> = { inline: 0x00, detached: 0x81, spent: 0x82 };

/** The fields of a head. */
export interface RecordFields extends AccessPolicy {
  /** Counts the rewrites of the head. */
  readonly revision: number;
  readonly createdAtMs: number;
  readonly safeView: string;
}

/** A parsed head: its fields, and the offset of the payload or of the key to the body. */
export interface OpenHead {
  readonly fields: RecordFields;
  readonly tailAt: number;
}

/** Returns the encryption context of a head. */
export function headContext(
  form: RecordForm,
  lookupId: string,
  tenant: string | undefined,
): EncryptionContext {
  return { block: "head", version: RECORD_VERSION, flags: FLAGS[form], lookupId, tenant };
}

/** Returns a complete head: the clear prefix, then the ciphertext. */
export function joinHead(form: RecordForm, ciphertext: Uint8Array): Buffer {
  const head = Buffer.allocUnsafe(PREFIX_BYTES + ciphertext.length);
  head[0] = MAGIC_0;
  head[1] = MAGIC_1;
  head[2] = RECORD_VERSION;
  head[3] = FLAGS[form];
  head.set(ciphertext, PREFIX_BYTES);
  return head;
}

/**
 * Returns the form that the clear prefix of a head declares.
 *
 * @throws {@link RecordUnsupportedError} The prefix is not that of a version 1 record.
 */
export function readForm(head: Uint8Array): RecordForm {
  if (
    head.length >= PREFIX_BYTES &&
    head[0] === MAGIC_0 &&
    head[1] === MAGIC_1 &&
    head[2] === RECORD_VERSION
  ) {
    const flags = head[3];
    if (flags === FLAGS.inline) return "inline";
    if (flags === FLAGS.detached) return "detached";
    if (flags === FLAGS.spent) return "spent";
  }
  throw new RecordUnsupportedError();
}

/** Returns the next revision. The counter stays at its greatest value once it gets there. */
export function nextRevision({ revision }: RecordFields): number {
  return Math.min(revision + 1, MAX_COUNTER);
}

/** Returns an upper bound on the bytes that {@link writeFields} writes. */
export function maxFieldsBytes(fields: RecordFields): number {
  let characters = fields.ownerPrincipal.length + fields.safeView.length;
  for (const principal of fields.grantedPrincipals) characters += principal.length;
  return FIXED_FIELDS_BYTES + 2 * fields.grantedPrincipals.length + MAX_UTF8_RATIO * characters;
}

/** Writes the fields at the start of `target`. Returns the number of bytes written. */
export function writeFields(target: Buffer, fields: RecordFields): number {
  let offset = target.writeUInt32BE(fields.revision, 0);
  offset = writeText(target, fields.ownerPrincipal, offset);
  offset = target.writeUInt16BE(fields.grantedPrincipals.length, offset);
  for (const principal of fields.grantedPrincipals) offset = writeText(target, principal, offset);
  offset = writeTime(target, fields.createdAtMs, offset);
  offset = writeTime(target, fields.expiresAtMs, offset);
  offset = target.writeUInt32BE(fields.usesLeft ?? UNLIMITED_USES, offset);
  return writeText(target, fields.safeView, offset);
}

/**
 * Parses a decrypted head.
 *
 * @throws {@link RecordIntegrityError} The fields run past the end of the plaintext.
 */
export function readHead(plaintext: Buffer): OpenHead {
  const reader = new Reader(plaintext);
  const revision = reader.uint32();
  const ownerPrincipal = reader.text();
  const grantCount = reader.uint16();
  const grantedPrincipals: string[] = [];
  for (let index = 0; index < grantCount; index++) grantedPrincipals.push(reader.text());
  const createdAtMs = reader.time();
  const expiresAtMs = reader.time();
  const uses = reader.uint32();
  const usesLeft = uses === UNLIMITED_USES ? undefined : uses;
  const safeView = reader.text();
  return {
    fields: {
      revision,
      ownerPrincipal,
      grantedPrincipals,
      createdAtMs,
      expiresAtMs,
      usesLeft,
      safeView,
    },
    tailAt: reader.offset,
  };
}

/** Writes a text of at most 65,535 bytes after its length. */
function writeText(target: Buffer, text: string, offset: number): number {
  const length = target.write(text, offset + 2, "utf8");
  target.writeUInt16BE(length, offset);
  return offset + 2 + length;
}

/** Writes milliseconds since 1970 as an unsigned 64-bit number. */
function writeTime(target: Buffer, timeMs: number, offset: number): number {
  target.writeUInt32BE(Math.floor(timeMs / 2 ** 32), offset);
  return target.writeUInt32BE(timeMs % 2 ** 32, offset + 4);
}

class Reader {
  readonly #bytes: Buffer;
  offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  time(): number {
    return this.uint32() * 2 ** 32 + this.uint32();
  }

  text(): string {
    const length = this.uint16();
    const start = this.#advance(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  #advance(length: number): number {
    const start = this.offset;
    this.offset += length;
    if (this.offset > this.#bytes.length) throw new RecordIntegrityError();
    return start;
  }
}
