import { type CheckedSealOptions, checkPlaces, checkSafeView } from "./checks.js";
import type { MaybePromise } from "./contracts.js";
import { adoptThenable, andThen } from "./maybe-promise.js";
import type { SafeViewFields } from "./safe-view.js";

/** The text of a safe view, and the places whose values it shows intentionally. */
export interface ResolvedSafeView {
  readonly text: string;
  readonly shown: readonly string[];
}

/** Returns the safe view of a seal, checked: the one in its options, or the one its summarizer writes. */
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
 * Reads the result of a summarizer.
 *
 * @throws TypeError The result is neither a text nor a safe view.
 * @throws RangeError The text is too long.
 */
function readView(view: unknown): ResolvedSafeView {
  const fields = typeof view === "string" ? { summary: view } : view;
  const { summary, shown = NOTHING } = (fields ?? {}) as Partial<SafeViewFields>;
  checkSafeView(summary, "summarizer's safe view");
  checkPlaces(shown, "summarizer's shown");
  return { text: summary, shown };
}
