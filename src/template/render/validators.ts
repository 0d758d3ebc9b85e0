/** Rules that a hydrated text must satisfy before it is returned. */
import { checkInteger, checkMethods, checkOptions } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import { type OutputRule, OutputValidationError } from "../../vault/errors.js";

/** A rule for hydrated texts. */
export interface OutputValidator {
  /** The kind of rule. */
  readonly rule: OutputRule;
  /** Returns whether a whole output satisfies the rule. */
  accepts(output: string): MaybePromise<boolean>;
  /** Returns a check of one output that arrives in chunks. A rule without it cannot be used with streams. */
  begin?(): OutputCheck;
}

/** Checks one output in chunks. Each method returns whether the rule is satisfied so far. */
export interface OutputCheck {
  push(piece: string): boolean;
  end(): boolean;
}

/** A custom rule. If it throws, the output is rejected. */
export type OutputPredicate = (output: string) => MaybePromise<boolean>;

/** A schema with the method `safeParse` of zod. */
export interface OutputSchema {
  safeParse(value: unknown): { readonly success: boolean };
}

/** Limits on an output's length, in characters (UTF-16 code units). */
export interface LengthBounds {
  /** The minimum. Default 0. */
  readonly min?: number | undefined;
  /** The maximum. Default: no limit. */
  readonly max?: number | undefined;
}

/**
 * Returns a rule that limits the length of an output. It can be used with streams.
 *
 *
 * @example
 * ```ts
 * const engine = new TemplateEngine(vault, { validators: [lengthWithin({ max: 100_000 })] });
 * ```
 */
export function lengthWithin(bounds: LengthBounds): OutputValidator {
  checkOptions(bounds, "bounds", new Set(["min", "max"]));
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  checkInteger(min, "min", { min: 0, max: Number.MAX_SAFE_INTEGER });
  checkInteger(max, "max", { min, max: Number.MAX_SAFE_INTEGER });
  return {
    rule: "length",
    accepts: ({ length }) => length >= min && length <= max,
    begin() {
      let length = 0;
      return {
        push(piece) {
          length += piece.length;
          return length <= max;
        },
        end: () => length >= min,
      };
    },
  };
}

/**
 * Returns a rule that an output matches a schema, as text or parsed as JSON.
 *
 * @param options - `as`: `"text"` (default), or `"json"` to parse the output before it is matched.
 *
 *
 * @example
 * ```ts
 * matchesSchema(z.object({ total: z.number() }), { as: "json" });
 * ```
 */
export function matchesSchema(
  schema: OutputSchema,
  options: { readonly as?: "text" | "json" | undefined } = {},
): OutputValidator {
  checkMethods(schema, "schema", ["safeParse"]);
  checkOptions(options, "options", new Set(["as"]));
  const { as = "text" } = options;
  if (as !== "text" && as !== "json") throw new TypeError('as must be "text" or "json"');
  const accepts = accepting(
    (output) => schema.safeParse(as === "json" ? JSON.parse(output) : output).success === true,
  );
  return { rule: "schema", accepts };
}

/** Returns the validators of an engine's options. */
export function checkValidators(
  given: readonly (OutputValidator | OutputPredicate)[],
): readonly OutputValidator[] {
  if (!Array.isArray(given)) throw new TypeError("validators must be an array");
  return [...given].map((validator: OutputValidator | OutputPredicate) => {
    if (typeof validator === "function") return { rule: "custom", accepts: accepting(validator) };
    checkMethods(validator, "every validator", ["accepts"]);
    return validator;
  });
}

/** @throws {@link OutputValidationError} The output violates a rule. */
export async function validateOutput(
  output: string,
  validators: readonly OutputValidator[],
): Promise<void> {
  for (const validator of validators) {
    if ((await validator.accepts(output)) !== true) {
      throw new OutputValidationError(validator.rule);
    }
  }
}

/** Accepts an output only if the predicate returns `true`. Drops its error, which may contain the output. */
function accepting(predicate: OutputPredicate): OutputPredicate {
  return async (output) => {
    try {
      return (await predicate(output)) === true;
    } catch {
      return false;
    }
  };
}
