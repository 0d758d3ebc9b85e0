import type { TestContext } from "vitest";
import type { PlaceKind } from "./places.js";

/** Skips a test, with the line that says what to install, where a server is missing. */
export function skipUnless(kind: PlaceKind, { skip }: Pick<TestContext, "skip">): void {
  if (kind.missing !== undefined) skip(kind.missing);
}
