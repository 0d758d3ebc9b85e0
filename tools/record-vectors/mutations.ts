/**
 * The records of `must-fail.json`: changes that an attacker with write access could make to valid records.
 */
import { foreignRecords } from "./foreign-records.js";
import { type Mutation, testKey, type Vector } from "./vector.js";

type Change = Omit<Partial<Mutation>, "base">;

const UNSUPPORTED = "ERR_VAULT_RECORD_UNSUPPORTED";
const NO_KEY = "ERR_VAULT_KEY_NOT_FOUND";
const INTEGRITY = "ERR_VAULT_RECORD_INTEGRITY";
const EXHAUSTED = "ERR_VAULT_HANDLE_EXHAUSTED";

/** Returns every mutation. */
export async function mutationsOf(vectors: ReadonlyMap<string, Vector>): Promise<Mutation[]> {
  const named = (name: string): Vector => {
    const vector = vectors.get(name);
    if (vector === undefined) throw new Error(`no vector is called ${name}`);
    return vector;
  };
  const small = named("inline-json");
  const large = named("stored-4097");
  return [
    ...flips(small),
    ...flips(large),
    ...truncations(small),
    ...prefixes(small),
    ...headers(small, named("inline-text"), named("older-key")),
    ...places(small, named("inline-text"), named("tenant"), named("tenant-non-ascii")),
    ...bodies(large, named("detached-json")),
    mutation(named("spent-detached"), {
      name: "a body put back beside a spent head",
      body: large.body,
      error: EXHAUSTED,
    }),
    ...(await foreignRecords(small)),
  ];
}

/** Flips one bit of every byte of the head. */
function flips(base: Vector): Mutation[] {
  const head = Buffer.from(base.head, "hex");
  const { keyIdLengthAt } = layoutOf(base);
  return [...head.keys()].map((offset) => {
    // For the key id's length: the bit whose change leaves no key id.
    const bit = offset === keyIdLengthAt ? 1 : offset % 8;
    const name = `byte ${offset} of the head, bit ${bit} flipped`;
    return mutation(base, { name, head: flipped(base.head, offset, bit), error: at(base, offset) });
  });
}

function truncations(base: Vector): Mutation[] {
  const { end } = layoutOf(base);
  const longer = ["00", "ff".repeat(16), base.head];
  return [
    ...Array.from({ length: end }, (_, length) =>
      mutation(base, {
        name: `the head cut to ${length} bytes`,
        head: base.head.slice(0, 2 * length),
        error: at(base, length),
      }),
    ),
    ...longer.map((extra) =>
      mutation(base, {
        name: `the head, ${extra.length / 2} bytes longer`,
        head: base.head + extra,
        error: INTEGRITY,
      }),
    ),
  ];
}

/** Overwrites magic, version and flags. */
function prefixes(base: Vector): Mutation[] {
  const rest = base.head.slice(8);
  const unknown = ["68760100", "56480100", "00000000"];
  for (const version of [0, 2, 3, 0x7f, 0x80, 0xff]) {
    for (const flags of ["00", "81"]) unknown.push(`4856${hexByte(version)}${flags}`);
  }
  for (const flags of [1, 2, 3, 4, 0x40, 0x80, 0x83, 0x84, 0x87, 0xff]) {
    unknown.push(`485601${hexByte(flags)}`);
  }
  const put = (prefix: string, error: string) =>
    mutation(base, { name: `the clear bytes ${prefix}`, head: prefix + rest, error });
  return [
    ...unknown.map((prefix) => put(prefix, UNSUPPORTED)),
    ...["48560181", "48560182"].map((prefix) => put(prefix, INTEGRITY)),
  ];
}

/** Alters the data key's header: key ids, wrapped keys, commitments. */
function headers(base: Vector, other: Vector, older: Vector): Mutation[] {
  const bothKeys = { ...base.keys, k2: testKey(96) };
  const from = partsOf(base);
  const foreign = partsOf(other);
  const old = partsOf(older);
  const put = (name: string, parts: Partial<Parts>, change: Change = {}) =>
    mutation(base, { name, head: joined({ ...from, ...parts }), error: INTEGRITY, ...change });
  const renamed = (keyId: string) => hexByte(keyId.length) + Buffer.from(keyId).toString("hex");
  return [
    put("no key id", { keyId: "00" }, { error: NO_KEY }),
    put("key id renamed to one nobody has", { keyId: renamed("k9") }, { error: NO_KEY }),
    put("key id renamed to another of the ring", { keyId: renamed("k2") }, { keys: bothKeys }),
    put("key id in capitals", { keyId: renamed("K1") }, { error: NO_KEY }),
    put(
      "the ring lacks the key",
      {},
      { currentKey: "k2", keys: { k2: testKey(96) }, error: NO_KEY },
    ),
    put("the ring has another key of this id", {}, { keys: { k1: testKey(96) } }),
    put("commitment of zeros", { commitment: "00".repeat(32) }),
    put("commitment of another data key", { commitment: foreign.commitment }),
    put("wrapped key of another record", { wrapped: foreign.wrapped }),
    put("wrapped key and commitment of another record", {
      wrapped: foreign.wrapped,
      commitment: foreign.commitment,
    }),
    put("an older key's wrapped key under the new id", {
      wrapped: old.wrapped,
      commitment: old.commitment,
    }),
    put("an older key's ciphertext under the new id", { ...old, keyId: from.keyId }),
    ...["0000", "0047", "0049", "ffff"].map((wrappedLength) =>
      put(`wrapped length ${wrappedLength}`, { wrappedLength }),
    ),
    put("a wrapped key one byte shorter", {
      wrappedLength: "0047",
      wrapped: from.wrapped.slice(2),
    }),
    put("a wrapped key one byte longer", { wrappedLength: "0049", wrapped: `00${from.wrapped}` }),
    put("nonce of another record", { nonce: foreign.nonce }),
    put("ciphertext of another record", { sealed: foreign.sealed }),
    put("nonce and ciphertext of another record", { nonce: foreign.nonce, sealed: foreign.sealed }),
    put("tag of zeros", { sealed: from.sealed.slice(0, -32) + "00".repeat(16) }),
    put("tag cut to 12 bytes", { sealed: from.sealed.slice(0, -8) }),
    put("tag alone", { sealed: from.sealed.slice(-32) }),
  ];
}

/** Moves heads to other handles and tenants. */
function places(small: Vector, other: Vector, acme: Vector, cafe: Vector): Mutation[] {
  const { handleId, lookupId } = other;
  return [
    mutation(small, { name: "under another handle", handleId, lookupId, error: INTEGRITY }),
    mutation(small, { name: "head of another record", head: other.head, error: INTEGRITY }),
    mutation(small, { name: "read for a tenant", tenant: "acme", error: INTEGRITY }),
    mutation(acme, { name: "read without its tenant", tenant: null, error: INTEGRITY }),
    mutation(acme, { name: "read for another tenant", tenant: "acme2", error: INTEGRITY }),
    mutation(acme, { name: "read for a tenant in capitals", tenant: "Acme", error: INTEGRITY }),
    mutation(cafe, {
      name: "read for the same tenant, decomposed",
      tenant: "cafe\u0301",
      error: INTEGRITY,
    }),
  ];
}

/** Alters and swaps detached bodies. */
function bodies(large: Vector, other: Vector): Mutation[] {
  const body = large.body ?? "";
  const put = (name: string, altered: string | null) =>
    mutation(large, { name, body: altered, error: INTEGRITY });
  const last = body.length / 2 - 1;
  return [
    put("no body", null),
    put("an empty body", ""),
    put("body of another record", other.body),
    put("body one byte shorter", body.slice(0, -2)),
    put("body cut to 16 bytes", body.slice(0, 32)),
    put("body one byte longer", `${body}00`),
    put("first bytes of the body missing", body.slice(32)),
    ...[0, 1, 2048, last].map((offset) =>
      put(`byte ${offset} of the body, bit 0 flipped`, flipped(body, offset, 0)),
    ),
    mutation(large, {
      name: "head and body of another record",
      head: other.head,
      body: other.body,
      error: INTEGRITY,
    }),
  ];
}

function mutation(base: Vector, change: Change & { name: string; error: string }): Mutation {
  const { name, error, ...rest } = change;
  return { name: `${base.name}: ${name}`, base: base.name, head: base.head, ...rest, error };
}

/** Returns the expected error for a head that is damaged at `offset`. */
function at(base: Vector, offset: number): string {
  const { keyIdLengthAt, wrappedLengthAt } = layoutOf(base);
  if (offset < keyIdLengthAt) return UNSUPPORTED;
  return offset < wrappedLengthAt ? NO_KEY : INTEGRITY;
}

function layoutOf(base: Vector): { keyIdLengthAt: number; wrappedLengthAt: number; end: number } {
  const head = Buffer.from(base.head, "hex");
  return { keyIdLengthAt: 4, wrappedLengthAt: 5 + head.readUInt8(4), end: head.length };
}

/** The parts of a head, each in hex. */
interface Parts {
  readonly prefix: string;
  readonly keyId: string;
  readonly wrappedLength: string;
  readonly wrapped: string;
  readonly commitment: string;
  readonly nonce: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
}

function partsOf(base: Vector): Parts {
  const { keyIdLengthAt, wrappedLengthAt, end } = layoutOf(base);
  const cut = (start: number, stop: number) => base.head.slice(2 * start, 2 * stop);
  const wrappedAt = wrappedLengthAt + 2;
  return {
    prefix: cut(0, keyIdLengthAt),
    keyId: cut(keyIdLengthAt, wrappedLengthAt),
    wrappedLength: cut(wrappedLengthAt, wrappedAt),
    wrapped: cut(wrappedAt, wrappedAt + 72),
    commitment: cut(wrappedAt + 72, wrappedAt + 104),
    nonce: cut(wrappedAt + 104, wrappedAt + 116),
    sealed: cut(wrappedAt + 116, end),
  };
}

function joined(parts: Parts): string {
  const { prefix, keyId, wrappedLength, wrapped, commitment, nonce, sealed } = parts;
  return prefix + keyId + wrappedLength + wrapped + commitment + nonce + sealed;
}

function flipped(hex: string, offset: number, bit: number): string {
  const bytes = Buffer.from(hex, "hex");
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
  return bytes.toString("hex");
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
