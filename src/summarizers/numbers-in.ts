import { isBytes } from "../primitives/bytes.js";
import { isMap, isSet } from "../primitives/kinds.js";

/** Returns those of the wanted numbers that occur anywhere in a payload. Visits each object once. */
export function numbersIn(data: unknown, wanted: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set<number>();
  // Iterating over a set also visits items added during the iteration, and shared parts only once.
  const objects = new Set<object>();
  const look = (value: unknown): void => {
    if (typeof value === "object" && value !== null) objects.add(value);
    else if (typeof value === "number" || typeof value === "bigint") {
      const number = Number(value);
      if (wanted.has(number)) found.add(number);
    }
  };
  look(data);
  for (const object of objects) for (const member of membersOf(object)) look(member);
  return found;
}

function membersOf(object: object): Iterable<unknown> {
  if (Array.isArray(object) || isSet(object)) return object;
  if (isMap(object)) return [...object].flat();
  if (ArrayBuffer.isView(object)) return numbersOf(object);
  return Object.values(object);
}

/** Returns the numbers of a typed array; none for bytes and for views of raw memory. */
function numbersOf(view: ArrayBufferView): Iterable<unknown> {
  const hasNumbers = !isBytes(view) && "BYTES_PER_ELEMENT" in view;
  return hasNumbers ? (view as unknown as Iterable<unknown>) : [];
}
