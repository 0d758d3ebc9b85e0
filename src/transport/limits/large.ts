/** Large data is processed in parts, and the event loop runs other work in between. */
import { nextTurn } from "../../primitives/timers.js";

const LARGE_BYTES = 1024 * 1024;

/** Returns whether data is so large that processing it would delay other work noticeably. */
export function isLarge({ length }: { readonly length: number }): boolean {
  return length > LARGE_BYTES;
}

/** Resolves once all other ready work has had its turn. */
export function othersTurn(): Promise<void> {
  return nextTurn();
}
