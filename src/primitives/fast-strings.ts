/** Reading a property so often at one place makes V8 look at where it comes from. */
const READS = 1000;

/**
 * Makes the methods of texts fast again, where something has made them slow.
 *
 * From the moment that the first class extends `String` (ioredis has one), V8 searches `String.prototype` at
 * every call of a method of a text, anywhere in the process, which takes six times as long; until a
 * property is read, often, through an object that inherits from it. All lines of V8 from Node 20 to 26 do.
 */
export function restoreFastStrings(): void {
  const heir = Object.create(String.prototype) as string;
  for (let read = 0; read < READS; read++) void heir.charCodeAt;
}
