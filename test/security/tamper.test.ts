import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { HandleVault } from "../../src/index.js";
import { withFlippedBit } from "../support/bytes.js";
import { FakeKms } from "../support/fake-kms.js";
import {
  codeThrownBy,
  INTEGRITY,
  KEY_NOT_FOUND,
  thrownBy,
  UNSUPPORTED,
} from "../support/refusals.js";
import { CANARY, OWNER, Scene, type SealedRecord } from "../support/sealed-scene.js";

const KEY_ID_LENGTH_AT = 4;

/** Returns the error that is specified for damage at an offset of this head. */
function pinned(head: Buffer, offset: number): string {
  if (offset < KEY_ID_LENGTH_AT) return UNSUPPORTED;
  return offset <= KEY_ID_LENGTH_AT + head.readUInt8(KEY_ID_LENGTH_AT) ? KEY_NOT_FOUND : INTEGRITY;
}

/** Unseals an altered record. Returns the code. Fails if the error reveals the payload. */
async function refusalOf(vault: HandleVault, record: SealedRecord): Promise<string> {
  const error = await thrownBy(() => vault.unseal(record.handle.id, OWNER));
  const shown = inspect(error, { showHidden: true, depth: 4 });
  if (shown.includes(CANARY)) throw new Error("the error tells what was sealed");
  return (error as { code?: string }).code ?? shown;
}

const KINDS = ["inline", "detached"] as const;
const READERS = [
  { reader: "the vault that sealed it", isFresh: false },
  { reader: "a fresh vault with the same ring", isFresh: true },
];

describe("a damaged head", () => {
  for (const kind of KINDS) {
    for (const { reader, isFresh } of READERS) {
      it(`gives ${reader} the error of its offset for every flipped bit: ${kind}`, async () => {
        const scene = new Scene();
        const record = await scene[kind]();
        const { head, lookupId } = record;
        const unexpected: string[] = [];
        for (let bit = 0; bit < head.length * 8; bit++) {
          const offset = bit >> 3;
          if (offset === KEY_ID_LENGTH_AT) continue; // has its own law below
          scene.cache.alter(lookupId, { head: (bytes) => withFlippedBit(bytes, bit) });
          const code = await refusalOf(isFresh ? scene.freshVault() : scene.vault, record);
          if (code !== pinned(head, offset)) unexpected.push(`${offset}.${bit & 7}: ${code}`);
        }
        expect(unexpected).toEqual([]);
        expect(scene.cache.bodiesRead).toBe(0);
        scene.cache.restore(lookupId);
        expect(await scene.vault.unseal(record.handle.id, OWNER)).toBe(record.payload);
      });

      it(`gives ${reader} the error of the offset at which it was truncated: ${kind}`, async () => {
        const scene = new Scene();
        const record = await scene[kind]();
        const { head, lookupId } = record;
        const unexpected: string[] = [];
        for (let length = 0; length < head.length; length++) {
          scene.cache.alter(lookupId, { head: (bytes) => bytes.subarray(0, length) });
          const code = await refusalOf(isFresh ? scene.freshVault() : scene.vault, record);
          if (code !== pinned(head, length)) unexpected.push(`${length}: ${code}`);
        }
        expect(unexpected).toEqual([]);
      });
    }
  }

  it("is refused if any bit of the key id's length is flipped", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    for (let bit = 0; bit < 8; bit++) {
      const flip = (bytes: Buffer) => withFlippedBit(bytes, KEY_ID_LENGTH_AT * 8 + bit);
      scene.cache.alter(record.lookupId, { head: flip });
      expect([KEY_NOT_FOUND, INTEGRITY]).toContain(await refusalOf(scene.vault, record));
    }
  });

  // Intended, but not yet true: the lengths after the key id are read before it is looked up.
  it("names no known key when the key id's length is damaged", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    for (let bit = 0; bit < 8; bit++) {
      const flip = (bytes: Buffer) => withFlippedBit(bytes, KEY_ID_LENGTH_AT * 8 + bit);
      scene.cache.alter(record.lookupId, { head: flip });
      expect(await refusalOf(scene.vault, record), `bit ${bit}`).toBe(KEY_NOT_FOUND);
    }
  });

  it("with trailing bytes is refused", async () => {
    const scene = new Scene();
    for (const kind of KINDS) {
      const record = await scene[kind]();
      for (const extra of [Buffer.alloc(1), Buffer.alloc(16, 0xff), record.head]) {
        scene.cache.alter(record.lookupId, { head: (bytes) => Buffer.concat([bytes, extra]) });
        expect(await refusalOf(scene.vault, record)).toBe(INTEGRITY);
      }
    }
  });

  it("reveals neither its safe view nor its policy", async () => {
    const scene = new Scene();
    const { handle, head, lookupId } = await scene.inline();
    for (let offset = 0; offset < head.length; offset++) {
      if (offset === KEY_ID_LENGTH_AT) continue;
      scene.cache.alter(lookupId, { head: (bytes) => withFlippedBit(bytes, offset * 8) });
      const attempts = [
        () => scene.vault.getSafeView(handle.id),
        () => scene.vault.describe(handle.id, OWNER),
        () => scene.vault.renew(handle.id, 3600, { by: OWNER }),
        () => scene.vault.grant(handle.id, "mallory", { by: OWNER }),
      ];
      for (const attempt of attempts) {
        expect(await codeThrownBy(attempt), `${offset}`).toBe(pinned(head, offset));
      }
    }
  });

  it("does not affect other handles", async () => {
    const scene = new Scene();
    const damaged = await scene.inline();
    const others = [await scene.inline(), await scene.detached()];
    for (const offset of [0, 3, 5, 20, 60, 110, damaged.head.length - 1]) {
      const head = (bytes: Buffer) => withFlippedBit(bytes, offset * 8);
      scene.cache.alter(damaged.lookupId, { head });
      await refusalOf(scene.vault, damaged);
      for (const { handle, payload } of others) {
        expect(await scene.vault.unseal(handle.id, OWNER)).toBe(payload);
      }
    }
  });
});

describe("a damaged body", () => {
  it("is refused if any bit of it is flipped", async () => {
    const scene = new Scene();
    const record = await scene.detached();
    const bits = (record.body?.length ?? 0) * 8;
    expect(bits).toBeGreaterThan(0);
    const unexpected: string[] = [];
    for (let bit = 0; bit < bits; bit++) {
      scene.cache.alter(record.lookupId, { body: (bytes) => withFlippedBit(bytes, bit) });
      const code = await codeThrownBy(() => scene.vault.unseal(record.handle.id, OWNER));
      if (code !== INTEGRITY) unexpected.push(`${bit}: ${code}`);
    }
    expect(unexpected).toEqual([]);
    scene.cache.restore(record.lookupId);
    expect(await scene.vault.unseal(record.handle.id, OWNER)).toBe(record.payload);
  });

  it("is refused by a new vault, too, and the error does not reveal the payload", async () => {
    const scene = new Scene();
    const record = await scene.detached();
    for (let offset = 0; offset < (record.body?.length ?? 0); offset += 64) {
      const body = (bytes: Buffer) => withFlippedBit(bytes, offset * 8 + (offset % 8));
      scene.cache.alter(record.lookupId, { body });
      expect(await refusalOf(scene.freshVault(), record), `${offset}`).toBe(INTEGRITY);
    }
  });

  it("is refused if it was truncated, extended or removed", async () => {
    const scene = new Scene();
    const record = await scene.detached();
    const unseal = () => codeThrownBy(() => scene.vault.unseal(record.handle.id, OWNER));
    const unexpected: string[] = [];
    for (let length = 0; length < (record.body?.length ?? 0); length++) {
      scene.cache.alter(record.lookupId, { body: (bytes) => bytes.subarray(0, length) });
      const code = await unseal();
      if (code !== INTEGRITY) unexpected.push(`${length}: ${code}`);
    }
    expect(unexpected).toEqual([]);
    const grown = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]);
    for (const body of [grown, () => undefined]) {
      scene.cache.alter(record.lookupId, { body });
      expect(await unseal()).toBe(INTEGRITY);
    }
  });

  it("does not prevent reading of policy and safe view", async () => {
    const scene = new Scene();
    const { handle, lookupId } = await scene.detached();
    scene.cache.alter(lookupId, { body: () => undefined });
    expect(await scene.vault.getSafeView(handle.id)).toBe(`safe ${CANARY}`);
    expect((await scene.vault.describe(handle.id, OWNER)).ownerPrincipal).toBe(OWNER);
    expect(scene.cache.bodiesRead).toBe(0);
  });
});

describe("the work for refusing a forged record is limited", () => {
  it("a forged data key header reaches the key management service once, however often it is read", async () => {
    const kms = new FakeKms();
    const scene = new Scene(kms);
    const record = await scene.inline();
    const wrappedAt = KEY_ID_LENGTH_AT + 1 + record.head.readUInt8(KEY_ID_LENGTH_AT) + 2;
    scene.cache.alter(record.lookupId, { head: (bytes) => withFlippedBit(bytes, wrappedAt * 8) });
    const attempt = () => codeThrownBy(() => scene.vault.unseal(record.handle.id, OWNER));
    const codes = await Promise.all(Array.from({ length: 50 }, attempt));
    for (let repeat = 0; repeat < 50; repeat++) codes.push(await attempt());
    expect(new Set(codes)).toEqual(new Set([INTEGRITY]));
    expect(kms.unwraps).toBe(1);
  });

  it("a head damaged after a known data key header causes no call of the key management service", async () => {
    const kms = new FakeKms();
    const scene = new Scene(kms);
    const record = await scene.inline();
    for (let fromEnd = 1; fromEnd <= 40; fromEnd++) {
      const bit = (record.head.length - fromEnd) * 8;
      scene.cache.alter(record.lookupId, { head: (bytes) => withFlippedBit(bytes, bit) });
      expect(await refusalOf(scene.vault, record)).toBe(INTEGRITY);
    }
    expect(kms.unwraps).toBe(0);
  });

  it("no body is fetched for a head that does not open, nor for a refused caller", async () => {
    const scene = new Scene();
    const { handle, lookupId } = await scene.detached();
    expect(await codeThrownBy(() => scene.vault.unseal(handle.id, "mallory"))).toBe(
      "ERR_VAULT_HANDLE_ACCESS_DENIED",
    );
    scene.cache.alter(lookupId, { head: (bytes) => withFlippedBit(bytes, 800) });
    expect(await codeThrownBy(() => scene.vault.unseal(handle.id, OWNER))).toBe(INTEGRITY);
    expect(scene.cache.bodiesRead).toBe(0);
  });
});
