/**
 * JSON pointers (RFC 6901), and patterns in which the token `*` matches any one member or item.
 */

/** The tokens of a pointer, unescaped; none for the whole value. */
export type JsonPointer = readonly string[];

/** A pointer in which {@link ANY} matches every member or item at its position. */
export type PointerPattern = JsonPointer;

/** The token of a pattern that matches any one member or item. */
export const ANY = "*";

const UNESCAPED_TILDE = /~(?![01])/;
const INDEX = /^(?:0|[1-9]\d{0,15})$/;

/** Returns whether `text` is a JSON pointer: empty, or `/` before each token. */
export function isPointer(text: string): boolean {
  return text === "" || (text.startsWith("/") && !UNESCAPED_TILDE.test(text));
}

/**
 * Returns the tokens of a JSON pointer.
 *
 * @throws TypeError `text` is not a JSON pointer.
 */
export function parsePointer(text: string): JsonPointer {
  if (!isPointer(text))
    throw new TypeError('Not a JSON pointer: write "" or "/member/0" (RFC 6901)');
  return text
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Returns a pointer's text. */
export function formatPointer(pointer: JsonPointer): string {
  return pointer.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Returns the value at a place, in an object that distinguishes a value `undefined` from no value. */
export function valueAt(
  root: unknown,
  pointer: JsonPointer,
): { readonly value: unknown } | undefined {
  let value = root;
  for (const token of pointer) {
    if (!hasToken(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return { value };
}

/** Returns whether a pattern matches exactly this place. */
export function matchesPointer(pattern: PointerPattern, pointer: JsonPointer): boolean {
  return (
    pattern.length === pointer.length &&
    pattern.every((token, depth) => token === ANY || token === pointer[depth])
  );
}

/** Yields every place of `root` that a pattern matches, in document order. */
export function* placesOf(
  root: unknown,
  pattern: PointerPattern,
  before: JsonPointer = [],
): Generator<JsonPointer> {
  const [token, ...rest] = pattern;
  if (token === undefined) {
    yield before;
    return;
  }
  for (const member of token === ANY ? tokensOf(root) : [token]) {
    if (!hasToken(root, member)) continue;
    yield* placesOf((root as Record<string, unknown>)[member], rest, [...before, member]);
  }
}

/** Returns whether a value has its own member for a token: not an inherited one, nor an array's `length`. */
function hasToken(value: unknown, token: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return INDEX.test(token) && Object.hasOwn(value, token);
  return Object.hasOwn(value, token);
}

function tokensOf(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
