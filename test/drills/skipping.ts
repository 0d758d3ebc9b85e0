import type { TestContext } from "vitest";
import type { PlaceKind } from "./places.js";

/** Skips a test if its server is missing; the message says what to install. */
export function skipUnless(kind: PlaceKind, { skip }: Pick<TestContext, "skip">): void {
  if (kind.missing !== undefined) skip(kind.missing);
}
