/** After this many reads at one place, V8 inspects the prototype that the property comes from. */
const READS = 1000;

/**
 * Restores the speed of string methods after a class has extended `String`.
 *
 * As soon as any class extends `String` (ioredis has one), V8 looks up `String.prototype` at every call of
 * a string method anywhere in the process, which takes six times as long. Many reads of a property through
 * an object that inherits from `String.prototype` end this. Every V8 from Node 20 to 26 behaves so.
 */
export function restoreFastStrings(): void {
  const heir = Object.create(String.prototype) as string;
  for (let read = 0; read < READS; read++) void heir.charCodeAt;
}
