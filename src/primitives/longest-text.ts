/**
 * Tells whether an error says that a text would be longer than a string can be: of V8, as in
 * `JSON.stringify`, or of Node, as in `Buffer.toString`.
 */
export function isTooLongText(error: unknown): boolean {
  const { name, message, code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const isOfV8 = name === "RangeError" && message === "Invalid string length";
  return isOfV8 || code === "ERR_STRING_TOO_LONG";
}
