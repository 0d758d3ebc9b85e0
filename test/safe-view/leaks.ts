import { Buffer } from "node:buffer";
import { checkJson } from "../../src/codec/serializer/json.js";
import { SafeViewLeakError } from "../../src/index.js";
import { LeakGuard } from "../../src/safe-view/leak-guard.js";
import type { LeakGuardSetting } from "../../src/vault/safe-view.js";

/** Returns the path of the leaf that a safe view repeats; `undefined` if it repeats none. */
export function leakIn(
  data: unknown,
  text: string,
  setting?: LeakGuardSetting,
): string | undefined {
  const written = writtenAs(data);
  const writtenBytes = written === undefined ? undefined : Buffer.byteLength(written);
  try {
    new LeakGuard().check({ data, view: { text, shown: [] }, setting, written, writtenBytes });
  } catch (error) {
    if (error instanceof SafeViewLeakError) return error.path;
    throw error;
  }
  return undefined;
}

/** What a vault would write: text as it is, JSON where that can carry it. */
function writtenAs(data: unknown): string | undefined {
  if (typeof data === "string") return data;
  try {
    checkJson(data);
  } catch {
    return undefined;
  }
  return JSON.stringify(data);
}
