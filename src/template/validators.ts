/** Rules that a hydrated text has to keep before anybody gets it. */
import { checkInteger, checkMethods, checkOptions } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import { type OutputRule, OutputValidationError } from "../vault/errors.js";

/** A rule for hydrated texts. */
export interface OutputValidator {
  /** What kind of rule it is. */
  readonly rule: OutputRule;
  /** Tells whether a whole output keeps the rule. */
  accepts(output: string): MaybePromise<boolean>;
  /** Returns a check of one output that comes in pieces; a rule without it cannot go with streams. */
  begin?(): OutputCheck;
}

/** Checks one output in pieces: each method tells whether the rule is kept so far. */
export interface OutputCheck {
  push(piece: string): boolean;
  end(): boolean;
}

/** A rule of your own; an output that it throws for is refused. */
export type OutputPredicate = (output: string) => MaybePromise<boolean>;

/** Anything that parses as zod's schemas do. */
export interface OutputSchema {
  safeParse(value: unknown): { readonly success: boolean };
}

/** Bounds on an output, in characters (UTF-16 code units). */
export interface LengthBounds {
  /** Default 0. */
  readonly min?: number | undefined;
  /** Default: no bound. */
  readonly max?: number | undefined;
}

/**
 * Returns a rule that bounds the length of an output; it also goes with streams.
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
 * Returns a rule that an output is what a schema says: as text, or parsed as JSON.
 *
 * @param options - `as`: `"text"` (default), or `"json"` to have the output parsed first.
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

/** Returns validators for what an engine was given. */
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

/** @throws {@link OutputValidationError} The output breaks a rule. */
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

/** Only what says yes accepts; what was thrown may hold the output. */
function accepting(predicate: OutputPredicate): OutputPredicate {
  return async (output) => {
    try {
      return (await predicate(output)) === true;
    } catch {
      return false;
    }
  };
}
