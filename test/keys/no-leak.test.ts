import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { fernetEncryptor } from "../../src/codec/encryptor/fernet.js";
import { VaultCodec } from "../../src/codec/vault-codec.js";
import { DataKeys } from "../../src/keys/data-keys.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import { shownForms } from "../support/bytes.js";
import { rotate } from "../support/rotation.js";

const CANARY = Buffer.from("CANARY-key-material-of-32-bytes!");
const FERNET_KEY = `${CANARY.toString("base64url")}=`;

/** Returns all text that printing, logging or sending an object could reveal. */
function shown(value: object): string {
  const options = { depth: null, showHidden: true, getters: true, maxArrayLength: null } as const;
  return [
    inspect(value, options),
    inspect(value),
    JSON.stringify(value),
    String(value),
    inspect(Object.getOwnPropertyDescriptors(value), options),
    inspect(structuredCloneOf(value), options),
  ].join("\n");
}

function structuredCloneOf(value: object): unknown {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}

const ring = KeyRing.from({ current: "key-1", keys: { "key-1": CANARY } });
const aes = aes256GcmEncryptor({ keys: ring });
const fernet = fernetEncryptor({ keys: [FERNET_KEY] });
const codec = new VaultCodec({ encryptor: aes });
const dataKeys = new DataKeys(ring);
await codec.decode(await codec.encode({ some: "data" }));
const dataKey = await dataKeys.forEncryption();

const holders: [string, object][] = [
  ["a key ring", ring],
  ["the AES-256-GCM encryptor", aes],
  ["the Fernet encryptor", fernet],
  ["a codec", codec],
  ["a codec with Fernet", new VaultCodec({ encryptor: fernet })],
  ["data keys", dataKeys],
];

describe("key material", () => {
  it("would be found by this test if an object revealed it", () => {
    const leaks = [{ key: CANARY }, { key: CANARY.toString("hex") }, { key: FERNET_KEY }];
    for (const leak of leaks) {
      const text = shown(leak);
      expect(shownForms(CANARY).some((form) => text.includes(form))).toBe(true);
    }
  });

  it.each(holders)("is not shown by %s, however it is printed", (_, holder) => {
    const text = shown(holder);
    expect(shownForms(CANARY).filter((form) => text.includes(form))).toEqual([]);
  });

  it("is not revealed by a data key either", () => {
    const secret = dataKey.key.export();
    const text = shown(dataKey);
    expect(shownForms(secret).filter((form) => text.includes(form))).toEqual([]);
  });

  it("is in no error that a ring throws", () => {
    const text = CANARY.toString("base64url");
    const mistakes: (() => unknown)[] = [
      () => KeyRing.from({ current: "a", keys: { a: `${text}x` } }),
      () => KeyRing.from({ current: "a", keys: { [text + text]: CANARY } }),
      () => KeyRing.from({ current: text, keys: { a: CANARY } }),
      () => rotate(ring, "key-1", CANARY),
      () => rotate(ring, `${text}:`, CANARY),
      () => rotate(ring, "key-2", CANARY.subarray(0, 31)),
      () => fernetEncryptor({ keys: [FERNET_KEY.slice(0, -1)] }),
      () => fernetEncryptor({ keys: [text + text] }),
    ];
    for (const mistake of mistakes) {
      expect(mistake).toThrow();
      try {
        mistake();
      } catch (error) {
        const printed = shown(error as Error);
        expect(shownForms(CANARY).filter((form) => printed.includes(form))).toEqual([]);
      }
    }
  });
});
