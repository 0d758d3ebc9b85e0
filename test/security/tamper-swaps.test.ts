import { describe, expect, it } from "vitest";
import { generateKey, KeyRing } from "../../src/index.js";
import { withFlippedBit } from "../support/bytes.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND } from "../support/refusals.js";
import { rotate } from "../support/rotation.js";
import { OWNER, Scene, type SealedRecord } from "../support/sealed-scene.js";

const EXHAUSTED = "ERR_VAULT_HANDLE_EXHAUSTED";
const DENIED = "ERR_VAULT_HANDLE_ACCESS_DENIED";
const NONCE_BYTES = 12;
const COMMITMENT_BYTES = 32;

const unsealCode = (scene: Scene, record: SealedRecord, principal = OWNER) =>
  codeThrownBy(() => scene.vault.unseal(record.handle.id, principal));

/** Returns the offset of a head's nonce, right after the data key header. */
function nonceAt(head: Buffer): number {
  const wrappedLengthAt = 5 + head.readUInt8(4);
  return wrappedLengthAt + 2 + head.readUInt16BE(wrappedLengthAt) + COMMITMENT_BYTES;
}

/** Returns the head with `from`, at this offset of its plaintext, changed into `to`. */
function rewritten(head: Buffer, offset: number, from: Uint8Array, to: Uint8Array): Buffer {
  const altered = Buffer.from(head);
  const start = nonceAt(head) + NONCE_BYTES + offset;
  for (const [index, byte] of from.entries()) {
    const difference = byte ^ (to[index] ?? 0);
    altered.writeUInt8(altered.readUInt8(start + index) ^ difference, start + index);
  }
  return altered;
}

describe("a record moved to another handle", () => {
  for (const kind of ["inline", "detached"] as const) {
    it(`is refused under both handles when two were swapped: ${kind}`, async () => {
      const scene = new Scene();
      const [one, other] = [await scene[kind](), await scene[kind]()];
      await scene.cache.overwrite(one.lookupId, other);
      await scene.cache.overwrite(other.lookupId, one);
      expect(await unsealCode(scene, one)).toBe(INTEGRITY);
      expect(await unsealCode(scene, other)).toBe(INTEGRITY);
    });

    it(`is refused in a new vault, too: ${kind}`, async () => {
      const scene = new Scene();
      const [one, other] = [await scene[kind](), await scene[kind]()];
      await scene.cache.overwrite(one.lookupId, other);
      const fresh = scene.freshVault();
      expect(await codeThrownBy(() => fresh.unseal(one.handle.id, OWNER))).toBe(INTEGRITY);
      expect(await fresh.unseal(other.handle.id, OWNER)).toBe(other.payload);
    });
  }

  it("is refused if only its body was moved, even with the same length and data key", async () => {
    const scene = new Scene();
    const [one, other] = [await scene.detached(), await scene.detached()];
    await scene.cache.overwrite(one.lookupId, { head: one.head, body: other.body });
    expect(await unsealCode(scene, one)).toBe(INTEGRITY);
    expect(await scene.vault.unseal(other.handle.id, OWNER)).toBe(other.payload);
  });

  it("is refused when it replaces a record of another form", async () => {
    const scene = new Scene();
    const [small, large] = [await scene.inline(), await scene.detached()];
    await scene.cache.overwrite(small.lookupId, large);
    await scene.cache.overwrite(large.lookupId, small);
    expect(await unsealCode(scene, small)).toBe(INTEGRITY);
    expect(await unsealCode(scene, large)).toBe(INTEGRITY);
  });

  it("is refused if two heads are spliced at any offset", async () => {
    const scene = new Scene();
    const [one, other] = [await scene.inline(), await scene.inline()];
    expect(one.head.length).toBe(other.head.length);
    const opened: number[] = [];
    for (let cut = 0; cut < one.head.length; cut++) {
      const spliced = Buffer.concat([one.head.subarray(0, cut), other.head.subarray(cut)]);
      if (spliced.equals(one.head)) continue;
      scene.cache.alter(one.lookupId, { head: () => spliced });
      if ((await unsealCode(scene, one)) !== INTEGRITY) opened.push(cut);
    }
    expect(opened).toEqual([]);
  });

  it("is refused under another tenant, and without one", async () => {
    const scene = new Scene();
    const acme = scene.freshVault({ tenant: "acme" });
    const record = await scene.inline({}, acme);
    const others = [scene.vault, scene.freshVault({ tenant: "acme " })];
    for (const vault of others) {
      expect(await codeThrownBy(() => vault.unseal(record.handle.id, OWNER))).toBe(INTEGRITY);
    }
    expect(await acme.unseal(record.handle.id, OWNER)).toBe(record.payload);
  });
});

describe("a record with altered fields", () => {
  it("is refused with the flags of another form", async () => {
    const scene = new Scene();
    for (const record of [await scene.inline(), await scene.detached()]) {
      for (const flags of [0x00, 0x81, 0x82]) {
        const head = Buffer.from(record.head);
        head.writeUInt8(flags, 3);
        await scene.cache.overwrite(record.lookupId, { head, body: record.body });
        const expected = head.equals(record.head) ? "no error" : INTEGRITY;
        expect(await unsealCode(scene, record), `${flags}`).toBe(expected);
      }
    }
  });

  it("gains no grantee, even from a writer who knows the plaintext", async () => {
    const scene = new Scene();
    const record = await scene.inline({ grantedPrincipals: ["gateway"] });
    const [from, to] = [Buffer.from("gateway"), Buffer.from("mallory")];
    const grantAt = 4 + 2 + OWNER.length + 2 + 2;
    const forged = rewritten(record.head, grantAt, from, to);
    scene.cache.alter(record.lookupId, { head: () => forged });
    expect(await unsealCode(scene, record, "mallory")).toBe(INTEGRITY);
    expect(await unsealCode(scene, record, "gateway")).toBe(INTEGRITY);
    scene.cache.restore(record.lookupId);
    expect(await unsealCode(scene, record, "mallory")).toBe(DENIED);
    expect(await unsealCode(scene, record, "gateway")).toBe("no error");
  });

  it("does not live longer, even if the writer knows its expiry", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    const expiryAt = 4 + 2 + OWNER.length + 2 + 8;
    const [from, to] = [Buffer.alloc(8), Buffer.alloc(8)];
    from.writeBigUInt64BE(BigInt(record.handle.expiresAt.getTime()));
    to.writeBigUInt64BE(BigInt(Number.MAX_SAFE_INTEGER));
    const forged = rewritten(record.head, expiryAt, from, to);
    scene.cache.alter(record.lookupId, { head: () => forged });
    expect(await codeThrownBy(() => scene.vault.describe(record.handle.id, OWNER))).toBe(INTEGRITY);
  });

  it("returns only its own payload if a body is added to an inline head", async () => {
    const scene = new Scene();
    const [small, large] = [await scene.inline(), await scene.detached()];
    await scene.cache.overwrite(small.lookupId, { head: small.head, body: large.body });
    expect(await scene.vault.unseal(small.handle.id, OWNER)).toBe(small.payload);
  });
});

describe("a record put under another key", () => {
  const ring = () => KeyRing.from({ current: "k-old", keys: { "k-old": generateKey() } });

  it("is refused if a ciphertext under an older key has the current key's id", async () => {
    const keys = ring();
    const scene = new Scene(keys);
    const record = await scene.inline();
    rotate(keys, "k-new", generateKey());
    const head = Buffer.from(record.head);
    head.write("k-new", 5, "latin1");
    scene.cache.alter(record.lookupId, { head: () => head });
    expect(await unsealCode(scene, record)).toBe(INTEGRITY);
    const fresh = scene.freshVault();
    expect(await codeThrownBy(() => fresh.unseal(record.handle.id, OWNER))).toBe(INTEGRITY);
  });

  it("is refused if an older ciphertext gets the data key header of a newer record", async () => {
    const keys = ring();
    const scene = new Scene(keys);
    const older = await scene.inline();
    rotate(keys, "k-new", generateKey());
    const newer = await scene.inline();
    const header = newer.head.subarray(0, nonceAt(newer.head));
    const forged = Buffer.concat([header, older.head.subarray(nonceAt(older.head))]);
    scene.cache.alter(older.lookupId, { head: () => forged });
    expect(await unsealCode(scene, older)).toBe(INTEGRITY);
  });

  it("is refused with the commitment of another data key, cached or not", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    const other = await scene.inline({}, scene.freshVault());
    const end = nonceAt(record.head);
    const forged = Buffer.from(record.head);
    other.head.copy(forged, end - COMMITMENT_BYTES, end - COMMITMENT_BYTES, end);
    expect(forged.equals(record.head)).toBe(false);
    scene.cache.alter(record.lookupId, { head: () => forged });
    expect(await unsealCode(scene, record)).toBe(INTEGRITY);
    const fresh = scene.freshVault();
    expect(await codeThrownBy(() => fresh.unseal(record.handle.id, OWNER))).toBe(INTEGRITY);
  });

  it("gives only KeyNotFoundError once the ring lacks its key", async () => {
    const keys = ring();
    const scene = new Scene(keys);
    const record = await scene.inline();
    rotate(keys, "k-new", generateKey());
    keys.remove("k-old", { force: true });
    expect(await unsealCode(scene, record)).toBe(KEY_NOT_FOUND);
    expect(await unsealCode(scene, record, "mallory")).toBe(KEY_NOT_FOUND);
  });
});

describe("a handle of limited uses", () => {
  it("loses no use to a corrupt or missing body", async () => {
    const scene = new Scene();
    const record = await scene.detached({ maxUses: 1 });
    const corrupt = (body: Buffer) => body.fill(0, 4000);
    const bodies = [
      corrupt,
      () => undefined,
      (whole: Buffer) => whole.subarray(1),
      async (whole: Buffer) => corrupt(whole), // detected only after the event loop has turned
    ];
    for (const body of bodies) {
      scene.cache.alter(record.lookupId, { body });
      expect(await unsealCode(scene, record)).toBe(INTEGRITY);
      expect((await scene.vault.describe(record.handle.id, OWNER)).usesLeft).toBe(1);
    }
    scene.cache.restore(record.lookupId);
    expect((await scene.cache.stored(record.lookupId)).head.equals(record.head)).toBe(true);
    expect(await scene.vault.unseal(record.handle.id, OWNER)).toBe(record.payload);
    expect(await unsealCode(scene, record)).toBe(EXHAUSTED);
  });

  it("loses no use to a damaged head, nor to a refused caller", async () => {
    const scene = new Scene();
    const record = await scene.inline({ maxUses: 1 });
    scene.cache.alter(record.lookupId, {
      head: (head) => withFlippedBit(head, 8 * head.length - 1),
    });
    expect(await unsealCode(scene, record)).toBe(INTEGRITY);
    scene.cache.restore(record.lookupId);
    expect(await unsealCode(scene, record, "mallory")).toBe(DENIED);
    expect(await scene.vault.unseal(record.handle.id, OWNER)).toBe(record.payload);
  });

  it("stays spent if its old body is restored beside the spent head", async () => {
    const scene = new Scene();
    const record = await scene.detached({ maxUses: 1 });
    await scene.vault.unseal(record.handle.id, OWNER);
    const { head, body } = await scene.cache.stored(record.lookupId);
    expect(body).toBeUndefined();
    await scene.cache.overwrite(record.lookupId, { head, body: record.body });
    expect(await unsealCode(scene, record)).toBe(EXHAUSTED);
    const fresh = scene.freshVault();
    expect(await codeThrownBy(() => fresh.unseal(record.handle.id, OWNER))).toBe(EXHAUSTED);
  });
});
