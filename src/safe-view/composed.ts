import { Buffer } from "node:buffer";
import { MAX_SAFE_VIEW_BYTES } from "../vault/checks.js";
import { LeakGuard } from "./leak-guard.js";

/** A part of a summary, and shorter ways to say it, down to leaving it out. */
export type Wordings = readonly string[];

/** So many times parts are left out before the whole summary is. */
const MAX_ROUNDS = 16;
const SEPARATOR = ", ";

/**
 * Returns a summary that repeats no leaf of the payload, field names aside, and fits into a safe view.
 *
 * Wherever a wording has a leaf in common with the payload (a figure that equals a value, a word that is
 * a value as well), the next wording of that part stands instead, and nothing after the last.
 */
export function composed(data: unknown, parts: readonly Wordings[]): string {
  const guard = new LeakGuard();
  let left = parts;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const text = fitted(left);
    const leak = guard.find({ data, text });
    if (leak === undefined) return text;
    const shorter = left.map((part) => without(part, leak.leaf));
    // Words that leak only where two parts meet have nothing to be replaced by.
    if (shorter.every((part, index) => part === left[index])) return "";
    left = shorter;
  }
  return "";
}

/** Returns how many there are of something, in one part of a summary. */
export function counted(count: number, unit: string): Wordings {
  const units = count === 1 ? unit : `${unit}s`;
  return [`${count} ${units}`, units];
}

/** Returns the parts in one text: as many as fit, and how many were left out. */
function fitted(parts: readonly Wordings[]): string {
  const texts = parts.flatMap(([wording]) => (wording === undefined ? [] : [wording]));
  const whole = texts.join(SEPARATOR);
  if (Buffer.byteLength(whole) <= MAX_SAFE_VIEW_BYTES) return whole;
  let count = 0;
  let room = MAX_SAFE_VIEW_BYTES - Buffer.byteLength(`${SEPARATOR}${texts.length} more`);
  for (const text of texts) {
    room -= Buffer.byteLength(text) + SEPARATOR.length;
    if (room < 0) break;
    count += 1;
  }
  return [...texts.slice(0, count), `${texts.length - count} more`].join(SEPARATOR);
}

function without(part: Wordings, leaf: unknown): Wordings {
  const [wording] = part;
  if (wording === undefined) return part;
  const leaks = new LeakGuard().find({ data: leaf, text: wording }) !== undefined;
  return leaks ? part.slice(1) : part;
}
