import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdsCanary, newCanary } from "../../src/testing/canary.js";

const FORMS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in capitals": (text) => text.toUpperCase(),
  backwards: (text) => [...text].reverse().join(""),
  "in a JSON text within a JSON text": (text) => JSON.stringify(JSON.stringify({ text })),
  "in a URL": (text) => encodeURIComponent(`of ${text}`),
  "in hex": (text) => Buffer.from(text).toString("hex"),
  "in part": (text) => text.slice(20, 28),
};

describe("a canary", () => {
  it.each(Object.entries(FORMS))("is found %s, whatever is around it", (_, form) => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const canary = newCanary();
        expect(holdsCanary(before + form(canary) + after, canary)).toBe(true);
      }),
    );
  });

  it.each(["base64", "base64url"] as const)(
    "is found in %s, at any position of the encoded text",
    (encoding) => {
      fc.assert(
        fc.property(fc.string(), fc.string(), (before, after) => {
          const canary = newCanary();
          const encoded = Buffer.from(before + canary + after).toString(encoding);
          expect(holdsCanary(encoded, canary)).toBe(true);
        }),
      );
    },
  );

  it("is not found in other texts", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1000 }), (text) => {
        expect(holdsCanary(text + newCanary(), newCanary())).toBe(false);
      }),
    );
  });
});
