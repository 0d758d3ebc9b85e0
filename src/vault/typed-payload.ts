/** Payloads that are checked by a schema before they are returned. */
import { settlesWithin } from "../primitives/settles-within.js";
import { readCallOptions, runLimited } from "./call-options.js";
import { PayloadValidationError } from "./errors.js";
import { mapSettled } from "./map-settled.js";
import { adoptThenable, isPromise } from "./maybe-promise.js";
import { type OptionsTable, optional, readOptions } from "./options.js";
import type { StandardIssue, StandardResult, StandardSchema } from "./standard-schema.js";
import type { CallOptions, Outcome, UnsealOptions } from "./vault.js";

/** How long a schema may take, in milliseconds. */
const SCHEMA_TIMEOUT_MS = 5000;
const MAX_PATHS = 20;

/** Options of a call that opens payloads, checked. */
export interface CheckedUnsealOptions {
  readonly limits: CallOptions;
  readonly schema: StandardSchema | undefined;
}

const OPTIONS: OptionsTable<UnsealOptions> = {
  schema: optional(checkSchema),
  signal: (value) => value as AbortSignal | undefined,
  timeoutMs: (value) => value as number | undefined,
};

/** @throws TypeError RangeError An option is unknown or invalid. */
export function readUnsealOptions(options: UnsealOptions): CheckedUnsealOptions {
  const { schema, ...limits } = readOptions(options, OPTIONS, { prefix: "" });
  return { schema, limits: readCallOptions(limits) };
}

/**
 * Returns what the caller of an unseal gets: the output of the schema for the payload, or the payload itself.
 *
 * @throws PayloadValidationError The schema refuses the payload, fails, or takes too long.
 */
export async function checkedPayload<T>(
  payload: T,
  { schema, limits }: CheckedUnsealOptions,
): Promise<T> {
  if (schema === undefined) return payload;
  const { signal } = limits;
  // The type of the output is the one that the schema declares. An abort changes nothing: the use is counted.
  return runLimited("reads", { signal }, () => validated(payload, schema, limits)) as Promise<T>;
}

/** Returns the outcomes of many unseals. The schema checks each payload by itself. */
export async function checkedOutcomes<T>(
  outcomes: Outcome<T>[],
  options: CheckedUnsealOptions,
): Promise<Outcome<T>[]> {
  if (options.schema === undefined) return outcomes;
  return mapSettled(outcomes, async (outcome) => {
    if (!outcome.ok) throw outcome.error;
    return checkedPayload(outcome.value, options);
  });
}

/** @throws PayloadValidationError The schema refuses the value, fails, or takes too long. */
export async function validated(
  payload: unknown,
  schema: StandardSchema,
  { timeoutMs = SCHEMA_TIMEOUT_MS }: CallOptions = {},
): Promise<unknown> {
  const result = await resultOf(payload, schema, timeoutMs);
  // The result comes from foreign code.
  if (typeof result !== "object" || result === null) throw new PayloadValidationError("failed");
  if (result.issues === undefined) return result.value;
  throw new PayloadValidationError("refused", pathsOf(result.issues));
}

async function resultOf(
  payload: unknown,
  schema: StandardSchema,
  timeoutMs: number,
): Promise<StandardResult<unknown>> {
  // The schema's own error may contain the payload.
  const failed = new PayloadValidationError("failed");
  try {
    const validating = adoptThenable(schema["~standard"].validate(payload));
    if (!isPromise(validating)) return validating;
    if (await settlesWithin(timeoutMs, validating)) return await validating;
  } catch {
    throw failed;
  }
  throw new PayloadValidationError("timeout");
}

function pathsOf(issues: readonly StandardIssue[]): string[] {
  const paths = Array.from(issues, ({ path = [] }) => path.map(stepOf).join(""));
  return [...new Set(paths)].slice(0, MAX_PATHS);
}

/** Returns a step of a JSON pointer. A member that is no identifier may be a value, as in a table by number. */
function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof step === "object" ? step.key : step;
  const isName = typeof key === "number" || /^(?:[A-Za-z_]\w{0,39}|\d{1,3})$/.test(String(key));
  return `/${isName ? String(key) : "*"}`;
}

/** Throws unless `value` is a schema of any library that implements Standard Schema. */
export function checkSchema(value: unknown, place: string): asserts value is StandardSchema {
  // Schemas of arktype are functions.
  const isHolder = (typeof value === "object" && value !== null) || typeof value === "function";
  const standard = isHolder ? (value as Partial<StandardSchema>)["~standard"] : undefined;
  if (standard?.version !== 1 || typeof standard.validate !== "function") {
    throw new TypeError(
      `${place} must be a schema of zod, valibot, arktype or another library of Standard Schema`,
    );
  }
}
