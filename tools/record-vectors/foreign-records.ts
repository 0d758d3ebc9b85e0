/** Records sealed under the right keys, but with contents that a reader of format 1 must reject. */
import { deflateSync } from "node:zlib";
import {
  aes256GcmEncryptor,
  type Compressor,
  type Encryptor,
  KeyRing,
  type Serializer,
  VaultCodec,
} from "../../src/index.js";
import { capture, type Keys, type Mutation, type TaggedPayload, type Vector } from "./vector.js";

const UNSUPPORTED = "ERR_VAULT_RECORD_UNSUPPORTED";
const INTEGRITY = "ERR_VAULT_RECORD_INTEGRITY";

/** The ids of JSON and of deflate. These writers store other contents under them. */
const JSON_ID = 3;
const DEFLATE_ID = 1;

/** 100 bytes of JSON. */
const SMALL: TaggedPayload = { type: "json", value: ["x".repeat(96)] };
const LARGE: TaggedPayload = { type: "bytes", value: "5a".repeat(4097) };
/** The length of the header before the tail in these records, which have one safe view and one owner. */
const PACKED_HEADER_BYTES = 6;
const SMALL_TAIL_BYTES: number = PACKED_HEADER_BYTES + 100;

type Alter = (plaintext: Buffer) => Uint8Array;

interface ForeignRecord {
  readonly name: string;
  readonly codec: (keys: Keys) => VaultCodec;
  readonly payload?: TaggedPayload;
  readonly error: string;
}

const json = (length: number) => deflateSync(JSON.stringify(["x".repeat(length - 4)]));

const RECORDS: readonly ForeignRecord[] = [
  { name: "serializer 200", codec: serializing(200, "{}"), error: UNSUPPORTED },
  { name: "serializer 0", codec: altering(inTail(0, 0)), error: UNSUPPORTED },
  { name: "compressor 201", codec: compressing(201, Buffer.alloc(8)), error: UNSUPPORTED },
  { name: "JSON cut short", codec: serializing(JSON_ID, '{"a":'), error: INTEGRITY },
  { name: "JSON and more", codec: serializing(JSON_ID, "{} {}"), error: INTEGRITY },
  { name: "no JSON at all", codec: serializing(JSON_ID, ""), error: INTEGRITY },
  {
    name: "compressed data that is none",
    codec: compressing(DEFLATE_ID, Buffer.alloc(8)),
    error: INTEGRITY,
  },
  {
    name: "compressed data that gives more than its length",
    codec: compressing(DEFLATE_ID, json(8192)),
    error: INTEGRITY,
  },
  {
    name: "compressed data that gives one byte more than its length",
    codec: compressing(DEFLATE_ID, json(101)),
    error: INTEGRITY,
  },
  {
    name: "compressed data that gives one byte less than its length",
    codec: compressing(DEFLATE_ID, json(99)),
    error: INTEGRITY,
  },
  { name: "a length one too small", codec: altering(inTail(5, 99)), error: INTEGRITY },
  { name: "a length one too large", codec: altering(inTail(5, 101)), error: INTEGRITY },
  { name: "no payload in an inline record", codec: altering(cut(-106)), error: INTEGRITY },
  { name: "a packed header of 5 bytes", codec: altering(cut(-101)), error: INTEGRITY },
  { name: "fields that end in the safe view", codec: altering(cut(-107)), error: INTEGRITY },
  { name: "no fields at all", codec: altering(cut(0)), error: INTEGRITY },
  {
    name: "a body tag of 15 bytes",
    codec: altering(cut(-1)),
    payload: LARGE,
    error: INTEGRITY,
  },
  {
    name: "a body tag of 17 bytes",
    codec: altering((plaintext) => Buffer.concat([plaintext, Buffer.alloc(1)])),
    payload: LARGE,
    error: INTEGRITY,
  },
];

/** Returns the records as mutations of `base`, sealed under its keys. */
export async function foreignRecords(base: Vector): Promise<Mutation[]> {
  const mutations: Mutation[] = [];
  for (const { name, codec, payload = SMALL, error } of RECORDS) {
    const { handleId, lookupId, head, body } = await capture({
      name,
      comment: "",
      payload,
      codec: codec(base.keys),
      options: { ownerPrincipal: base.principal },
      sealedUnder: base.keys,
    });
    mutations.push({ name, base: base.name, handleId, lookupId, head, body, error });
  }
  return mutations;
}

/** Returns a codec that stores `content` for every payload. */
function serializing(id: number, content: string): (keys: Keys) => VaultCodec {
  const serializer: Serializer = { id, serialize: () => content, deserialize: () => undefined };
  return () => new VaultCodec({ serializer });
}

/** Returns a codec that stores `content` for the compressed form of every payload. */
function compressing(id: number, content: Uint8Array): (keys: Keys) => VaultCodec {
  const compressor: Compressor = {
    id,
    thresholdBytes: 0,
    compress: () => content,
    decompress: () => content,
  };
  return () => new VaultCodec({ compressor });
}

/** Returns a codec that alters the plaintext of heads before it encrypts them. */
function altering(alter: Alter): (keys: Keys) => VaultCodec {
  return (keys) => {
    const [current = ""] = Object.keys(keys);
    const inner = aes256GcmEncryptor({ keys: KeyRing.from({ current, keys }) });
    let original = Buffer.alloc(0);
    const encryptor: Encryptor = {
      durable: true,
      encrypt(plaintext, context) {
        original = Buffer.from(plaintext);
        return inner.encrypt(alter(Buffer.from(plaintext)), context);
      },
      // The vault that sealed the record must still be able to describe it.
      decrypt: () => Buffer.from(original),
    };
    return new VaultCodec({ encryptor });
  };
}

/** Writes a byte into the tail of a record of {@link SMALL}. */
function inTail(offset: number, value: number): Alter {
  return (plaintext) => {
    plaintext.writeUInt8(value, plaintext.length - SMALL_TAIL_BYTES + offset);
    return plaintext;
  };
}

function cut(end: number): Alter {
  return (plaintext) => plaintext.subarray(0, end);
}
