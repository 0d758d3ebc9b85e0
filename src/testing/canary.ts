/** Canaries: random secrets that tests search for in all data that must not contain them. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

/** A match of this many characters in a row cannot be chance, because a canary is random. */
const WINDOW = 8;

/** Returns a new unique text. */
export function newCanary(): string {
  return randomBytes(24).toString("hex");
}

/** Returns whether a text contains part of a canary: plain, reversed, in hex or in base64. */
export function holdsCanary(text: string, canary: string): boolean {
  const lowerCase = text.toLowerCase();
  const isThere = windowsOf(canary).some((part) => lowerCase.includes(part));
  return isThere || encodedForms(canary).some((form) => text.includes(form));
}

function windowsOf(canary: string): string[] {
  const backwards = [...canary].reverse().join("");
  return [canary, backwards].flatMap((text) =>
    Array.from({ length: text.length - WINDOW + 1 }, (_, at) => text.slice(at, at + WINDOW)),
  );
}

/** Returns a canary in hex, and in base64 at each of the three alignments, without the ends. */
function encodedForms(canary: string): string[] {
  const hex = Buffer.from(canary).toString("hex");
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + canary)
      .toString("base64")
      .slice(4, -4),
  );
  return [hex, ...inBase64];
}
