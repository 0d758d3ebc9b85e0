import { SafeViewLeakError } from "../../src/errors.js";
import { LeakGuard } from "../../src/leak-guard/leak-guard.js";
import type { LeakGuardSetting } from "../../src/vault/safe-view.js";

/** Returns the path of the leaf that a safe view repeats; `undefined` if it repeats none. */
export function leakIn(
  data: unknown,
  text: string,
  setting?: LeakGuardSetting,
): string | undefined {
  try {
    new LeakGuard().check({ data, view: { text, shown: [] }, setting, isAscii: false });
  } catch (error) {
    if (error instanceof SafeViewLeakError) return error.path;
    throw error;
  }
  return undefined;
}
