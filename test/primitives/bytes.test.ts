import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { isBytes, trueBytes } from "../../src/primitives/bytes.js";

describe("bytes", () => {
  it("are recognised in every realm", () => {
    const foreign: unknown = runInNewContext("Uint8Array.of(1, 2, 3)");
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    for (const bytes of [foreign, Uint8Array.of(1, 2, 3), Buffer.of(1, 2, 3)]) {
      expect(isBytes(bytes)).toBe(true);
      expect(trueBytes(bytes as Uint8Array).toString("hex")).toBe("010203");
    }
  });

  it("do not include objects that only inherit from them, have their tag, or have other elements", () => {
    const heir: unknown = Object.create(Uint8Array.prototype);
    const tagged = { [Symbol.toStringTag]: "Uint8Array", length: 1, 0: 1 };
    const proxy = new Proxy(Uint8Array.of(1), {});
    const others = [new Uint8ClampedArray(1), new Int8Array(1), new DataView(new ArrayBuffer(1))];
    for (const value of [heir, tagged, proxy, ...others, new ArrayBuffer(1), [1], "1", null]) {
      expect(isBytes(value)).toBe(false);
    }
  });
});
