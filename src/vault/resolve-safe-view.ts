/** Whoever writes it: the safe view of a seal, checked. */
import { type CheckedSealOptions, checkPlaces, checkSafeView } from "./checks.js";
import type { MaybePromise } from "./contracts.js";
import { adoptThenable, andThen } from "./maybe-promise.js";
import type { SafeViewFields } from "./safe-view.js";

/** A safe view's text, and the places that it shows on purpose. */
export interface ResolvedSafeView {
  readonly text: string;
  readonly shown: readonly string[];
}

/** Returns the safe view that a seal is given, or that its summarizer writes. */
export function resolveSafeView(
  data: unknown,
  options: CheckedSealOptions,
): MaybePromise<ResolvedSafeView> {
  const { summarizer, safeView, ownerPrincipal, grantedPrincipals } = options;
  if (summarizer === undefined) return { text: String(safeView), shown: NOTHING };
  const context = { ownerPrincipal, grantedPrincipals };
  return andThen(adoptThenable<unknown>(summarizer.summarize(data, context)), readView);
}

const NOTHING: readonly string[] = [];

/**
 * Returns the text of what a summarizer wrote, and what it shows on purpose.
 *
 * @throws TypeError It wrote neither a text nor a safe view.
 * @throws RangeError The text is too long.
 */
function readView(view: unknown): ResolvedSafeView {
  const fields = typeof view === "string" ? { summary: view } : view;
  const { summary, shown = NOTHING } = (fields ?? {}) as Partial<SafeViewFields>;
  checkSafeView(summary, "summarizer's safe view");
  checkPlaces(shown, "summarizer's shown");
  return { text: summary, shown };
}
