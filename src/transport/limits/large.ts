/** What is large is worked on in parts, between which others have their turn of the event loop. */
import { nextTurn } from "../../primitives/timers.js";

const LARGE_BYTES = 1024 * 1024;

/** Whether reading so much takes long enough for others to notice. */
export function isLarge({ length }: { readonly length: number }): boolean {
  return length > LARGE_BYTES;
}

/** Resolves once all others that are ready have had their turn. */
export function othersTurn(): Promise<void> {
  return nextTurn();
}
