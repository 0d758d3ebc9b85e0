import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { KeyRing } from "../../src/keys/key-ring.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { messageThrownBy, thrownBy } from "../support/refusals.js";

const [A, B] = [11, 12].map((seed) => pseudoRandomBytes(32, seed).toString("base64url")) as [
  string,
  string,
];
const DATA_KEY = pseudoRandomBytes(32, 13);

const badLists: readonly [string, string][] = [
  ["no colon", A],
  ["two colons", `a:${A}:x`],
  ["the same id twice", `a:${A},a:${B}`],
  ["separators alone", " , ,\n"],
  ["a comment alone", "# nothing here"],
  ["__proto__ twice", `__proto__:${A},__proto__:${B}`],
];

describe("keys from the environment", () => {
  const NAME = "HANDLEVAULT_TEST_KEYS";
  const fromEnv = (text: string) => {
    vi.stubEnv(NAME, text);
    return KeyRing.fromEnv(NAME);
  };
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("the first key is the current one and the ring is durable", () => {
    const ring = fromEnv(`b:${B},a:${A}`);
    expect([ring.currentKeyId(), ring.keyIds, ring.durable]).toEqual(["b", ["b", "a"], true]);
    const direct = KeyRing.from({ current: "b", keys: { b: B } });
    expect(direct.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("the first key is the current one even where objects order numbers first", () => {
    expect(fromEnv(`b:${B},1:${A}`).currentKeyId()).toBe("b");
  });

  it("spaces and line breaks around entries are ignored", () => {
    expect(fromEnv(`  a:${A} ,\r\n b:${B}\r\n,`).keyIds).toEqual(["a", "b"]);
  });

  it("a variable that is not set, or empty, is a TypeError", () => {
    const message = "KeyRing.fromEnv: the environment variable is not set";
    expect(() => KeyRing.fromEnv("HANDLEVAULT_TEST_ABSENT")).toThrow(new TypeError(message));
    expect(() => fromEnv("")).toThrow(new TypeError(message));
  });

  it.each(badLists)("%s is a TypeError whose message has nothing of the list", async (_, text) => {
    expect(await thrownBy(() => fromEnv(text))).toBeInstanceOf(TypeError);
    const message = await messageThrownBy(() => fromEnv(text));
    expect(message).toMatch(/^KeyRing\.fromEnv: expected /);
    expect(message).not.toContain(A);
    expect(message).not.toContain(B);
  });

  it("a key of another form is refused by a message without it", async () => {
    const message = await messageThrownBy(() => fromEnv("a:hunter2"));
    expect(message).toBe(
      "a key as text must be 43 characters of base64url, as generateKey() returns it",
    );
  });
});

describe("keys from a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "handlevault-keys-"));
  let files = 0;
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const keyFile = (text: string | Buffer, mode = 0o600) => {
    files += 1;
    const path = join(folder, `canary-name-${files}.keys`);
    writeFileSync(path, text, { mode });
    return path;
  };

  it("reads one key a line, the current one first, without comments and empty lines", async () => {
    const ring = await KeyRing.fromFile(
      keyFile(`# the vault's keys\n\n  b:${B}  \r\n# retired:\na:${A}\n`),
    );
    expect([ring.currentKeyId(), ring.keyIds, ring.durable]).toEqual(["b", ["b", "a"], true]);
  });

  it("reads a file that starts with a byte order mark", async () => {
    const ring = await KeyRing.fromFile(keyFile(`\ufeffa:${A}\n`));
    expect(ring.keyIds).toEqual(["a"]);
  });

  it("a comma in a comment does not end it", async () => {
    const ring = await KeyRing.fromFile(
      keyFile(`# old keys, do not use: a:${A}, b:${B}\nc:${A}\n`),
    );
    expect(ring.keyIds).toEqual(["c"]);
  });

  it("a key behind a comma in a comment is not a key", async () => {
    const ring = await KeyRing.fromFile(keyFile(`c:${A}\n# retired: x,b:${B}\n`));
    expect(ring.keyIds).toEqual(["c"]);
  });

  it.each([0o600, 0o400, 0o700])(
    "accepts a file that only its owner can read: %o",
    async (mode) => {
      expect((await KeyRing.fromFile(keyFile(`a:${A}`, mode))).keyIds).toEqual(["a"]);
    },
  );

  it.each([0o640, 0o644, 0o604, 0o660, 0o620, 0o601])(
    "refuses a file that others may touch: %o",
    async (mode) => {
      // The umask would remove bits from the mode of writeFile.
      const umask = process.umask(0);
      const path = keyFile(`a:${A}`, mode);
      process.umask(umask);
      const error = await thrownBy(() => KeyRing.fromFile(path));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(
        /^KeyRing.fromFile: others can read the key file; make/,
      );
    },
  );

  it("a missing file is a TypeError without the path", async () => {
    const error = await thrownBy(() => KeyRing.fromFile(join(folder, "canary-missing")));
    expect(error).toEqual(new TypeError("KeyRing.fromFile: the key file cannot be opened"));
    expect(String((error as Error).stack)).not.toContain("canary-missing");
    expect((error as Error).cause).toBeUndefined();
  });

  it("a folder is rejected by a message without the path", async () => {
    expect(await messageThrownBy(() => KeyRing.fromFile(folder))).not.toContain("handlevault-keys");
  });

  it("a file up to 64 KiB is read and a larger one is refused", async () => {
    const filler = (bytes: number) => `a:${A}\n#${"x".repeat(bytes - A.length - 4)}`;
    expect((await KeyRing.fromFile(keyFile(filler(65_536)))).keyIds).toEqual(["a"]);
    expect(await messageThrownBy(() => KeyRing.fromFile(keyFile(filler(65_537))))).toBe(
      "KeyRing.fromFile: the key file is too large",
    );
  });

  it.each(badLists)("%s is a TypeError whose message has nothing of the file", async (_, text) => {
    const path = keyFile(text);
    const error = await thrownBy(() => KeyRing.fromFile(path));
    expect(error).toBeInstanceOf(TypeError);
    const { message } = error as Error;
    expect(message).toMatch(/^KeyRing\.fromFile: expected /);
    for (const secret of [A, B, "canary-name"]) expect(message).not.toContain(secret);
  });
});
