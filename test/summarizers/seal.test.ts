import { describe, expect, it, vi } from "vitest";
import { gzipCompressor } from "../../src/codec/compressor/zlib.js";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { SafeViewLeakError } from "../../src/errors.js";
import { HandleVault, memoryCache, VaultCodec } from "../../src/index.js";
import {
  maskSummarizer,
  SafeView,
  schemaSummarizer,
  truncateSummarizer,
} from "../../src/safe-view.js";
import type { Summarizer } from "../../src/vault/safe-view.js";
import { thrownBy } from "../support/refusals.js";
import { GRANTEE, OWNER, sealOptions } from "../support/vault.js";

const RECORD = { ssn: "123-45-6789", city: "Springfield", note: "Größe in Grün" };
const LEAK = { code: "ERR_VAULT_SAFE_VIEW_LEAK", path: "/city" };
const ACCESS = { ownerPrincipal: OWNER, grantedPrincipals: [GRANTEE] };

const writing = (view: unknown): Summarizer => ({ summarize: () => view as string });

describe("sealing with a summarizer", () => {
  it("stores the summarizer's result", async () => {
    const vault = new HandleVault();
    const handle = await vault.seal(RECORD, { ...ACCESS, summarizer: schemaSummarizer() });
    expect(handle.safeView).toBe("object, 3 fields, ssn (text), city (text), note (text)");
    expect(await vault.getSafeView(handle.id)).toBe(handle.safeView);
  });

  it("refuses a safe view beside a summarizer: one of them would be dropped in silence", async () => {
    const both = { ...ACCESS, safeView: "given", summarizer: writing("written") } as never;
    await expect(new HandleVault().seal(RECORD, both)).rejects.toThrow(
      "options must have either safeView or summarizer, not both",
    );
  });

  it("passes the payload and its principals to the summarizer, and waits for it", async () => {
    const calls: unknown[][] = [];
    const summarizer: Summarizer = {
      async summarize(...call) {
        calls.push(call);
        return new SafeView({ summary: "a record", rowCount: 5 });
      },
    };
    const handle = await new HandleVault().seal(RECORD, { ...ACCESS, summarizer });
    expect(handle.safeView).toBe("a record");
    expect(calls).toEqual([[RECORD, ACCESS]]);
  });

  it("accepts any object with a summary, and promises of any kind", async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library.
    const view = { then: (done: (value: unknown) => void) => done({ summary: "foreign" }) };
    const options = { ...ACCESS, summarizer: writing(view) };
    expect((await new HandleVault().seal(RECORD, options)).safeView).toBe("foreign");
  });

  it.each([
    ["nothing", undefined, TypeError],
    ["null", null, TypeError],
    ["a number", 5, TypeError],
    ["an object without a summary", {}, TypeError],
    ["a text that is too long", "é".repeat(2049), RangeError],
    ["a text that is not well-formed", "\ud800", RangeError],
    ["places that are no list", { summary: "x", shown: "/a" }, TypeError],
    ["places that are no pointers", { summary: "x", shown: ["a"] }, RangeError],
  ])("refuses a summarizer that writes %s", async (_, view, error) => {
    const sealing = new HandleVault().seal(RECORD, { ...ACCESS, summarizer: writing(view) });
    await expect(sealing).rejects.toThrow(error);
  });

  it("passes on the error of the summarizer, and seals nothing", async () => {
    const cache = memoryCache();
    const inserting = vi.spyOn(cache, "insert");
    const summarizer = { summarize: () => Promise.reject(new Error("no model")) };
    const sealing = new HandleVault({ cache }).seal(RECORD, { ...ACCESS, summarizer });
    await expect(sealing).rejects.toThrow("no model");
    expect(inserting).not.toHaveBeenCalled();
  });

  it("needs a safe view or a valid summarizer", async () => {
    const vault = new HandleVault();
    await expect(vault.seal(RECORD, ACCESS as never)).rejects.toThrow(TypeError);
    await expect(vault.seal(RECORD, { ...ACCESS, summarizer: {} as never })).rejects.toThrow(
      "summarizer must be an object with the methods summarize",
    );
  });
});

describe("sealing with the leak guard", () => {
  it("refuses a safe view that repeats a value, and stores nothing", async () => {
    const cache = memoryCache();
    const inserting = vi.spyOn(cache, "insert");
    const vault = new HandleVault({ cache });
    const error = await thrownBy(() =>
      vault.seal(RECORD, sealOptions({ safeView: "from Springfield" })),
    );
    expect(error).toBeInstanceOf(SafeViewLeakError);
    expect(error).toMatchObject(LEAK);
    expect(inserting).not.toHaveBeenCalled();
    expect(JSON.stringify(error) + String(error)).not.toContain("Springfield");
  });

  it("checks the result of a summarizer, too", async () => {
    const sealing = new HandleVault().seal(RECORD, {
      ...ACCESS,
      summarizer: writing("springfield"),
    });
    await expect(sealing).rejects.toMatchObject(LEAK);
  });

  it("refuses the items of sealMany that leak, and no others", async () => {
    const request = { data: RECORD, ...sealOptions({ safeView: "Springfield" }) };
    const outcomes = await new HandleVault().sealMany([
      request,
      { ...request, safeView: "a record" },
      { ...request, leakGuard: { allow: ["/city"] } },
    ]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect(outcomes[0]).toMatchObject({ error: LEAK });
  });

  it.each([
    ["MessagePack", new VaultCodec({ serializer: messagePackSerializer() })],
    ["compression", new VaultCodec({ compressor: gzipCompressor() })],
    ["the defaults", new VaultCodec()],
  ])("finds leaks whatever the codec: %s", async (_, codec) => {
    const vault = new HandleVault({ codec });
    const data = { ...RECORD, padding: "-".repeat(5000) };
    const sealing = (safeView: string) => vault.seal(data, sealOptions({ safeView }));
    await expect(sealing("of Springfield")).rejects.toMatchObject(LEAK);
    await expect(sealing("GROSSE IN GRUN")).rejects.toMatchObject({ path: "/note" });
    expect((await sealing("a record")).safeView).toBe("a record");
  });

  it("finds leaks in text and bytes", async () => {
    const vault = new HandleVault();
    const options = sealOptions({ safeView: "to Mr Smith" });
    for (const data of ["a letter to Mr Smith", Buffer.from("a letter to Mr Smith")]) {
      await expect(vault.seal(data, options)).rejects.toMatchObject({ path: "" });
    }
  });

  it("accepts the places that the vault, the seal or the summarizer allows", async () => {
    const vault = new HandleVault({ leakGuard: { allow: ["/city"] } });
    const view = "123-45-6789, Springfield";
    const options = sealOptions({ safeView: view });
    await expect(vault.seal(RECORD, options)).rejects.toMatchObject({ path: "/ssn" });
    const allowed = { ...options, leakGuard: { allow: ["/ssn"] } };
    expect((await vault.seal(RECORD, allowed)).safeView).toBe(view);
    const summarizer = writing({ summary: view, shown: ["/ssn"] });
    expect((await vault.seal(RECORD, { ...ACCESS, summarizer })).safeView).toBe(view);
    await expect(new HandleVault().seal(RECORD, allowed)).rejects.toMatchObject(LEAK);
  });

  it("is off if the vault or the seal disables it, and on if a seal allows places", async () => {
    const options = sealOptions({ safeView: "Springfield" });
    const off = { ...options, leakGuard: "off" } as const;
    expect((await new HandleVault().seal(RECORD, off)).safeView).toBe("Springfield");
    const vault = new HandleVault({ leakGuard: "off" });
    expect((await vault.seal(RECORD, options)).safeView).toBe("Springfield");
    const on = { ...options, leakGuard: { allow: ["/ssn"] } };
    await expect(vault.seal(RECORD, on)).rejects.toMatchObject(LEAK);
  });

  it("accepts the places that mask and truncate show, and no others", async () => {
    const vault = new HandleVault();
    const truncating = truncateSummarizer({ unsafe: true });
    const text = await vault.seal("a letter to Mr Smith", { ...ACCESS, summarizer: truncating });
    expect(text.safeView).toBe("a letter to Mr Smith");
    const masking = maskSummarizer({ fields: { "/ssn": { last: 4 } } });
    const masked = await vault.seal(RECORD, { ...ACCESS, summarizer: masking });
    expect(masked.safeView).toBe("ssn ***-**-6789");
    const pin = vault.seal({ ...RECORD, pin: 6789 }, { ...ACCESS, summarizer: masking });
    await expect(pin).rejects.toMatchObject({ path: "/pin" });
  });

  it.each([
    ["on", TypeError],
    [true, TypeError],
    [null, TypeError],
    [{}, TypeError],
    [{ allow: "/a" }, TypeError],
    [{ allow: [5] }, TypeError],
    [{ allow: ["a"] }, RangeError],
    [{ allow: [`/${"a".repeat(1024)}`] }, RangeError],
    [{ allow: new Array(257).fill("/a") }, RangeError],
    [{ allow: [], deny: [] }, TypeError],
  ])("refuses the setting %j", async (setting, error) => {
    const leakGuard = setting as never;
    await expect(new HandleVault().seal(RECORD, sealOptions({ leakGuard }))).rejects.toThrow(error);
    expect(() => new HandleVault({ leakGuard })).toThrow(error);
  });

  it("names a wrong place only by its index", async () => {
    const leakGuard = { allow: ["/a", "canary"] };
    const error = await thrownBy(() => new HandleVault().seal(1, sealOptions({ leakGuard })));
    expect(String(error)).toBe("RangeError: leakGuard.allow[1] must be a JSON pointer");
  });
});
