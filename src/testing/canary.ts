/** A secret that is planted, and looked for in everything that must not hold it. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

/** So many characters in a row are no accident: a canary is random. */
const WINDOW = 8;

/** Returns a text that is nowhere else in the world. */
export function newCanary(): string {
  return randomBytes(24).toString("hex");
}

/** Tells whether a text holds part of a canary: as it is, backwards, in hex or in base64. */
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

/** Base64 depends on how many bytes come before: there are three forms, apart from their ends. */
function encodedForms(canary: string): string[] {
  const hex = Buffer.from(canary).toString("hex");
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + canary)
      .toString("base64")
      .slice(4, -4),
  );
  return [hex, ...inBase64];
}
