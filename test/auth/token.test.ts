import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import type { Caller } from "../../src/auth/authenticator.js";
import {
  generateToken,
  hashToken,
  type StaticToken,
  type TokenAuthOptions,
  tokenAuth,
} from "../../src/auth/token.js";
import { evidenceOf } from "../support/evidence.js";
import { messageThrownBy } from "../support/refusals.js";
import { ManualClock } from "../support/vault.js";

vi.mock("node:crypto", async (importActual) => {
  const actual = await importActual<typeof import("node:crypto")>();
  return { ...actual, timingSafeEqual: vi.fn(actual.timingSafeEqual) };
});

const TOKEN = generateToken();
const OTHER = generateToken();
const KEY = randomBytes(32);

function authOf(...tokens: readonly StaticToken[]) {
  return tokenAuth({ tokens });
}

describe("a generated token", () => {
  it("is hvt_ and 256 random bits", () => {
    expect(TOKEN).toMatch(/^hvt_[A-Za-z0-9_-]{43}$/);
    const tokens = Array.from({ length: 1000 }, generateToken);
    expect(new Set(tokens).size).toBe(1000);
  });
});

describe("a static token", () => {
  it("identifies the principal that the server listed for it", () => {
    const auth = authOf(
      { token: TOKEN, principal: "alice" },
      { token: OTHER, principal: "gateway", mayActFor: ["tenant-a/*"] },
    );
    expect(auth.authenticate(evidenceOf({ token: TOKEN }))).toEqual({ principal: "alice" });
    expect(auth.authenticate(evidenceOf({ token: OTHER }))).toEqual({
      principal: "gateway",
      mayActFor: ["tenant-a/*"],
    });
    expect(auth.localOnly).toBeUndefined();
  });

  it.each([
    "",
    TOKEN.slice(0, -1),
    `${TOKEN}A`,
    ` ${TOKEN}`,
    TOKEN.toUpperCase(),
    OTHER,
    "\ud800",
    "x".repeat(1_000_000),
  ])("that differs in anything is nobody: case %#", (token) => {
    const auth = authOf({ token: TOKEN, principal: "alice" });
    expect(auth.authenticate(evidenceOf({ token }))).toBeUndefined();
  });

  it("is a bearer token: other headers are not read for it", () => {
    const auth = authOf({ token: TOKEN, principal: "alice" });
    const headers = { authorization: `Bearer ${TOKEN}`, "x-token": TOKEN };
    expect(auth.authenticate(evidenceOf({ headers }))).toBeUndefined();
  });

  it("counts until it expires, to the millisecond", () => {
    const clock = new ManualClock();
    const expiresAt = new Date(clock.nowMs + 1);
    const auth = tokenAuth({ clock, tokens: [{ token: TOKEN, principal: "alice", expiresAt }] });
    const evidence = evidenceOf({ token: TOKEN });
    expect(auth.authenticate(evidence)).toBeDefined();
    clock.nowMs += 1;
    expect(auth.authenticate(evidence)).toBeUndefined();
    clock.nowMs -= 1;
    expect(auth.authenticate(evidence)).toBeUndefined();
  });

  it("needs no second verification until it expires, and only for the same caller", () => {
    const clock = new ManualClock();
    const expiresAt = new Date(clock.nowMs + 1);
    const auth = tokenAuth({ clock, tokens: [{ token: TOKEN, principal: "alice", expiresAt }] });
    const caller = auth.authenticate(evidenceOf({ token: TOKEN })) as Caller;
    expect(auth.isStillValid?.(caller)).toBe(true);
    expect(auth.isStillValid?.({ principal: "alice" })).toBe(false);
    clock.nowMs += 1;
    expect(auth.isStillValid?.(caller)).toBe(false);
  });

  it("is not affected by later changes of the options", () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const given = { token: TOKEN, principal: "alice", mayActFor: ["bob"], expiresAt };
    const tokens = [given];
    const auth = tokenAuth({ tokens });
    given.principal = "root";
    given.mayActFor.push("root");
    expiresAt.setTime(0);
    tokens.pop();
    expect(auth.authenticate(evidenceOf({ token: TOKEN }))).toEqual({
      principal: "alice",
      mayActFor: ["bob"],
    });
  });

  it("returns a caller that cannot be changed for the next request", () => {
    const auth = authOf({ token: TOKEN, principal: "alice", mayActFor: ["bob"] });
    const caller = auth.authenticate(evidenceOf({ token: TOKEN }));
    expect(() => Object.assign(caller as object, { principal: "root" })).toThrow(TypeError);
  });
});

describe("the hash of a token", () => {
  it("stands for the token in the options, under the key it was made with", () => {
    const tokenHash = hashToken(TOKEN, KEY);
    expect(tokenHash).toBe(createHmac("sha256", KEY).update(TOKEN).digest("base64url"));
    const auth = tokenAuth({ key: KEY, tokens: [{ tokenHash, principal: "alice" }] });
    expect(auth.authenticate(evidenceOf({ token: TOKEN }))).toEqual({ principal: "alice" });
    expect(auth.authenticate(evidenceOf({ token: tokenHash }))).toBeUndefined();
    const otherKey = { key: randomBytes(32), tokens: [{ tokenHash, principal: "alice" }] };
    expect(tokenAuth(otherKey).authenticate(evidenceOf({ token: TOKEN }))).toBeUndefined();
  });

  it("needs a key, and a token that cannot be guessed", async () => {
    expect(() => hashToken("short", KEY)).toThrow(RangeError);
    expect(() => hashToken(TOKEN, KEY.subarray(1))).toThrow(RangeError);
    expect(() => hashToken(TOKEN, undefined as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe("options of tokenAuth", () => {
  const alice = { token: TOKEN, principal: "alice" };
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ["none", undefined, TypeError],
    ["no tokens", {}, TypeError],
    ["a text", { tokens: TOKEN }, TypeError],
    ["31 characters", { tokens: [{ ...alice, token: "a".repeat(31) }] }, RangeError],
    ["1,025 characters", { tokens: [{ ...alice, token: "a".repeat(1025) }] }, RangeError],
    ["a space", { tokens: [{ ...alice, token: `${TOKEN} ` }] }, RangeError],
    ["no header's characters", { tokens: [{ ...alice, token: `${TOKEN}é` }] }, RangeError],
    ["bytes", { tokens: [{ ...alice, token: Buffer.from(TOKEN) }] }, TypeError],
    ["neither token nor hash", { tokens: [{ principal: "alice" }] }, TypeError],
    ["both", { key: KEY, tokens: [{ ...alice, tokenHash: hashToken(OTHER, KEY) }] }, TypeError],
    [
      "a hash without a key",
      { tokens: [{ principal: "alice", tokenHash: hashToken(TOKEN, KEY) }] },
      TypeError,
    ],
    [
      "a token for a hash",
      { key: KEY, tokens: [{ principal: "alice", tokenHash: TOKEN }] },
      TypeError,
    ],
    ["the same token twice", { tokens: [alice, { ...alice, principal: "bob" }] }, TypeError],
    [
      "the same token as itself and as a hash",
      { key: KEY, tokens: [alice, { principal: "bob", tokenHash: hashToken(TOKEN, KEY) }] },
      TypeError,
    ],
    ["no principal", { tokens: [{ token: TOKEN }] }, TypeError],
    ["an empty principal", { tokens: [{ token: TOKEN, principal: "" }] }, RangeError],
    ["everybody", { tokens: [{ ...alice, mayActFor: ["*"] }] }, RangeError],
    ["a number for a time", { tokens: [{ ...alice, expiresAt: 5 }] }, TypeError],
    ["no time", { tokens: [{ ...alice, expiresAt: new Date("x") }] }, RangeError],
    ["a misspelt option", { tokens: [{ ...alice, expires: new Date() }] }, TypeError],
    ["a short key", { tokens: [alice], key: KEY.subarray(1) }, RangeError],
    ["a text for a key", { tokens: [alice], key: "a".repeat(32) }, TypeError],
    [
      "1,001 tokens",
      { tokens: Array.from({ length: 1001 }, () => ({ ...alice, token: generateToken() })) },
      RangeError,
    ],
  ];
  it.each(cases)("with %s are refused, by a message without them", async (_, options, kind) => {
    const make = () => tokenAuth(options as TokenAuthOptions);
    expect(make).toThrow(kind);
    const message = await messageThrownBy(make);
    for (const secret of [TOKEN, hashToken(TOKEN, KEY), "alice"]) {
      expect(message).not.toContain(secret);
    }
  });

  it("are in no text that the authenticator exposes", () => {
    const auth = authOf({ token: TOKEN, principal: "alice" });
    const shown = inspect(auth, { depth: 9, showHidden: true }) + JSON.stringify(auth);
    expect(shown).not.toContain(TOKEN);
    expect(shown).not.toContain("alice");
  });
});

describe("the time that an answer takes", () => {
  it("does not reveal where in the list a token is: every digest is compared", () => {
    const tokens = Array.from({ length: 500 }, (_, index) => ({
      token: generateToken(),
      principal: `p${index}`,
    }));
    const auth = tokenAuth({ tokens });
    for (const token of [tokens[0]?.token ?? "", tokens[499]?.token ?? "", generateToken()]) {
      vi.mocked(timingSafeEqual).mockClear();
      void auth.authenticate(evidenceOf({ token }));
      expect(timingSafeEqual).toHaveBeenCalledTimes(500);
    }
  });
});

describe("tokens that are reloaded", () => {
  it("are the only accepted ones from then on, also where a connection keeps its caller", async () => {
    const [before, after] = [generateToken(), generateToken()];
    const auth = tokenAuth({ tokens: [{ token: before, principal: "alice" }] });
    const caller = auth.authenticate(evidenceOf({ token: before })) as Caller;
    expect(auth.isStillValid?.(caller)).toBe(true);
    auth.reload([{ token: after, principal: "alice" }]);
    expect(await auth.authenticate(evidenceOf({ token: before }))).toBeUndefined();
    expect(await auth.authenticate(evidenceOf({ token: after }))).toMatchObject({
      principal: "alice",
    });
    expect(auth.isStillValid?.(caller)).toBe(false);
  });

  it("stay as they were where one of the new ones is wrong", async () => {
    const token = generateToken();
    const auth = tokenAuth({ tokens: [{ token, principal: "alice" }] });
    const tokenHash = hashToken(generateToken(), new Uint8Array(32));
    for (const wrong of [
      undefined,
      [{ token: "short", principal: "bob" }],
      [{ tokenHash, principal: "bob" }],
    ]) {
      expect(() => auth.reload(wrong as never)).toThrow();
    }
    expect(await auth.authenticate(evidenceOf({ token }))).toMatchObject({ principal: "alice" });
  });
});
