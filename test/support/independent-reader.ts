/**
 * A reader of format 1 written from docs/record-format.md. It shares no code with the library, so that gaps
 * in the document are found. The numbers of its steps are those of the document.
 */
import { createDecipheriv, createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

/** The input of a reader. */
export interface Request {
  readonly handleId: string;
  readonly tenant: string | null;
  readonly keys: Readonly<Record<string, string>>;
  readonly principal: string;
  readonly nowMs: number;
  /** Fetches a record, in hex, by its lookup id. */
  readonly fetch: (lookupId: string) => { head: string; body: string | null } | undefined;
}

/** The result of a reader, with intermediate values. */
export interface Reading {
  readonly fields: Fields;
  readonly payload: unknown;
  readonly trace: Readonly<
    Record<"wrapping" | "data-key" | "derived" | "aad" | "plaintext", Buffer>
  >;
}

interface Fields {
  readonly form: string;
  readonly revision: number;
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly usesLeft: number | null;
  readonly safeView: string;
}

/** The rejection of a record, with one of the document's codes. */
export class Refusal extends Error {}

const FORMS = new Map([
  [0x00, "inline"],
  [0x81, "detached"],
  [0x82, "spent"],
]);
const DECOMPRESS = new Map<number, (bytes: Buffer, limit: { maxOutputLength: number }) => Buffer>([
  [1, inflateSync],
  [2, gunzipSync],
  [3, brotliDecompressSync],
]);
const UNSUPPORTED = "ERR_VAULT_RECORD_UNSUPPORTED";
const NO_KEY = "ERR_VAULT_KEY_NOT_FOUND";
const INTEGRITY = "ERR_VAULT_RECORD_INTEGRITY";

/** Reads a record, up to step 11. */
export function read(request: Request): Reading {
  // 1
  const lookupId = createHash("sha256").update(request.handleId, "ascii").digest("base64url");
  const record = request.fetch(lookupId);
  if (record === undefined) throw new Refusal("ERR_VAULT_HANDLE_NOT_FOUND");
  const head = Buffer.from(record.head, "hex");
  // 2
  const form = head.length < 4 ? undefined : FORMS.get(head.readUInt8(3));
  if (form === undefined || !head.subarray(0, 3).equals(Buffer.from("HV\x01", "latin1"))) {
    throw new Refusal(UNSUPPORTED);
  }
  // 3
  const idBytes = new Bytes(head.subarray(4), NO_KEY).take("u8");
  const keyId = new Bytes(head.subarray(5), NO_KEY).bytes(idBytes);
  const ringKey = new Map(Object.entries(request.keys)).get(keyId.toString("latin1"));
  if (idBytes === 0 || ringKey === undefined) throw new Refusal(NO_KEY);
  // 4
  const rest = new Bytes(head.subarray(5 + idBytes), INTEGRITY);
  if (rest.take("u16") !== 72) throw new Refusal(INTEGRITY);
  const [salt, wrapped] = [rest.bytes(24), rest.bytes(48)];
  const [commitment, nonce, sealed] = [rest.bytes(32), rest.bytes(12), rest.all()];
  // 5
  const wrapping = hkdf(Buffer.from(ringKey, "base64url"), salt, "handlevault v1 key wrap", 44);
  const dataKey = decrypt(wrapping.subarray(0, 32), wrapping.subarray(32), wrapped, keyId);
  const derived = hkdf(dataKey, Buffer.alloc(0), "handlevault v1 data key", 64);
  if (!timingSafeEqual(derived.subarray(32), commitment)) throw new Refusal(INTEGRITY);
  // 6
  const aad = associatedData(head.subarray(0, 4), lookupId, request.tenant ?? "");
  const plaintext = decrypt(derived.subarray(0, 32), nonce, sealed, aad);
  // 7
  const { fields, tail } = readPlaintext(form, plaintext);
  // 8
  if (request.nowMs >= fields.expiresAtMs) throw new Refusal("ERR_VAULT_HANDLE_EXPIRED");
  if (![fields.ownerPrincipal, ...fields.grantedPrincipals].includes(request.principal)) {
    throw new Refusal("ERR_VAULT_HANDLE_ACCESS_DENIED");
  }
  const trace = { wrapping, "data-key": dataKey, derived, aad, plaintext };
  if (fields.usesLeft === 0) throw new Spent(fields);
  return { fields, payload: readTail(tail, form, record.body), trace };
}

/** The rejection of a spent record, with its remaining fields. */
export class Spent extends Refusal {
  readonly fields: Fields;

  constructor(fields: Fields) {
    super("ERR_VAULT_HANDLE_EXHAUSTED");
    this.fields = fields;
  }
}

function readPlaintext(form: string, plaintext: Buffer): { fields: Fields; tail: Buffer } {
  const bytes = new Bytes(plaintext, INTEGRITY);
  const revision = bytes.take("u32");
  const ownerPrincipal = bytes.text();
  const grantedPrincipals = Array.from({ length: bytes.take("u16") }, () => bytes.text());
  const [createdAtMs, expiresAtMs, uses] = [bytes.time(), bytes.time(), bytes.take("u32")];
  const usesLeft = uses === 0xffffffff ? null : uses;
  const safeView = bytes.text();
  const times = { createdAtMs, expiresAtMs };
  return {
    fields: { form, revision, ownerPrincipal, grantedPrincipals, ...times, usesLeft, safeView },
    tail: bytes.all(),
  };
}

function readTail(tail: Buffer, form: string, body: string | null): unknown {
  // 9
  const header = new Bytes(tail, INTEGRITY);
  const [serializer, compressor, length] = [
    header.take("u8"),
    header.take("u8"),
    header.take("u32"),
  ];
  if (serializer < 1 || serializer > 3 || compressor > 3) throw new Refusal(UNSUPPORTED);
  // 10
  const content = form === "detached" ? readBody(tail, body) : header.all();
  // 11
  try {
    const limit = { maxOutputLength: Math.max(length, 1) };
    const serialized = compressor === 0 ? content : DECOMPRESS.get(compressor)?.(content, limit);
    if (serialized?.length !== length) throw new Refusal(INTEGRITY);
    if (serializer === 1) return new Uint8Array(serialized);
    const text = serialized.toString("utf8");
    return serializer === 2 ? text : JSON.parse(text);
  } catch {
    throw new Refusal(INTEGRITY);
  }
}

function readBody(tail: Buffer, body: string | null): Buffer {
  if (tail.length !== 54 || body === null) throw new Refusal(INTEGRITY);
  const sealed = Buffer.concat([Buffer.from(body, "hex"), tail.subarray(38)]);
  return decrypt(tail.subarray(6, 38), Buffer.alloc(12), sealed, Buffer.alloc(0));
}

function associatedData(prefix: Buffer, lookupId: string, tenant: string): Buffer {
  const tenantBytes = Buffer.from(tenant, "utf8");
  const lengths = Buffer.of(0x00, 0x2b);
  const tenantLength = Buffer.alloc(2);
  tenantLength.writeUInt16BE(tenantBytes.length);
  return Buffer.concat([prefix, lengths, Buffer.from(lookupId), tenantLength, tenantBytes]);
}

function hkdf(key: Buffer, salt: Buffer, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, info, length));
}

/** Decrypts `ciphertext ‖ tag`. */
function decrypt(key: Buffer, nonce: Buffer, sealed: Buffer, aad: Buffer): Buffer {
  if (sealed.length < 16) throw new Refusal(INTEGRITY);
  const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad).setAuthTag(sealed.subarray(sealed.length - 16));
  const plaintext = cipher.update(sealed.subarray(0, sealed.length - 16));
  try {
    cipher.final();
  } catch {
    throw new Refusal(INTEGRITY);
  }
  return plaintext;
}

/** Reads values from bytes in sequence, and rejects with `code` when the bytes run out. */
class Bytes {
  readonly #bytes: Buffer;
  readonly #code: string;
  #offset = 0;

  constructor(bytes: Buffer, code: string) {
    this.#bytes = bytes;
    this.#code = code;
  }

  bytes(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#offset, this.#offset + count);
    if (taken.length < count) throw new Refusal(this.#code);
    this.#offset += count;
    return taken;
  }

  take(type: "u8" | "u16" | "u32"): number {
    const count = { u8: 1, u16: 2, u32: 4 }[type];
    return this.bytes(count).readUIntBE(0, count);
  }

  time(): number {
    return Number(this.bytes(8).readBigUInt64BE());
  }

  text(): string {
    return this.bytes(this.take("u16")).toString("utf8");
  }

  all(): Buffer {
    return this.#bytes.subarray(this.#offset);
  }
}
