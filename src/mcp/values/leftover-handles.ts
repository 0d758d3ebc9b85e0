/** Finds handles that remain in arguments at places where they should have been opened. */
import { formatPointer, type JsonPointer } from "../../primitives/json-pointer.js";
import { mentionsId } from "../../template/forms/mentioned-ids.js";
import type { Slot } from "../../template/render/find-references.js";
import { below } from "../policy/pointer-patterns.js";
import type { HydratingRule } from "../policy/policy-rules.js";
import { isObject } from "../protocol/messages.js";

/**
 * Returns whether JSON data contains a handle in any spelling, in texts or in member names. A
 * person or program that approves a call by its arguments does not see the value behind such a
 * handle.
 *
 * @example
 * ```ts
 * const needsHuman = mentionsHandle(toolCall.args) || Number(toolCall.args["amount"]) > 100;
 * ```
 */
export function mentionsHandle(value: unknown): boolean {
  if (typeof value === "string") return mentionsId(value);
  if (typeof value !== "object" || value === null) return false;
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return [...names, ...Object.values(value)].some(mentionsHandle);
}

/**
 * Returns the place of the first handle that was not opened although it is at or within a place
 * where rules open handles. A text also counts if it stands where an object or a list with such a
 * place was expected. The arguments come from the model; opened values are not searched.
 *
 * @param slots - The places with handles to open, by pointer.
 */
export function leftoverPlace(
  args: unknown,
  rules: readonly HydratingRule[],
  slots: ReadonlyMap<string, Slot>,
): string | undefined {
  const refusing = rules.filter(({ leftover }) => leftover === "refuse").map(({ at }) => at);
  for (const { pointer, text } of textsAt(args, { pointer: [], patterns: refusing, slots })) {
    if (mentionsId(text)) return formatPointer(pointer);
  }
  return undefined;
}

interface Place {
  readonly pointer: JsonPointer;
  /** The remaining tokens of the rules' patterns at this place. */
  readonly patterns: readonly JsonPointer[];
  readonly slots: ReadonlyMap<string, Slot>;
}

interface LocatedText {
  readonly pointer: JsonPointer;
  readonly text: string;
}

function* textsAt(value: unknown, place: Place): Generator<LocatedText> {
  const { pointer, patterns, slots } = place;
  if (patterns.length === 0) return;
  const slot = slots.get(formatPointer(pointer));
  if (slot?.kind === "whole") return;
  if (typeof value === "string") yield* piecesOf(value, slot).map((text) => ({ pointer, text }));
  if (typeof value !== "object" || value === null) return;
  const isAt = patterns.some(({ length }) => length === 0);
  for (const [name, member] of Object.entries(value)) {
    if (isAt && isObject(value)) yield { pointer, text: name };
    const rest = isAt ? patterns : below(patterns, name);
    yield* textsAt(member, { pointer: [...pointer, name], patterns: rest, slots });
  }
}

/** Returns the pieces of a text between the handles that are opened in it. */
function piecesOf(text: string, slot: Slot | undefined): readonly string[] {
  if (slot?.kind !== "text") return [text];
  return slot.segments.filter((segment) => typeof segment === "string");
}
