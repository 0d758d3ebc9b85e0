/**
 * Returns whether an error means that a text exceeds the longest string of V8. `JSON.stringify` throws
 * the error of V8, `Buffer.toString` that of Node.
 */
export function isTooLongText(error: unknown): boolean {
  const { name, message, code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const isOfV8 = name === "RangeError" && message === "Invalid string length";
  return isOfV8 || code === "ERR_STRING_TOO_LONG";
}
