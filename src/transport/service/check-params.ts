import type { z } from "zod/v4";
import { rangeFault, readArgumentFault, typeFault } from "../../vault/argument-errors.js";

type Issue = z.core.$ZodIssue;

/**
 * Returns parameters after validation by their schema.
 *
 * @throws TypeError A member is missing, unknown or of the wrong type.
 * @throws RangeError A member is out of range. Both messages name the member, never its value.
 */
export function checkParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const checked = schema.safeParse(params);
  if (checked.success) return checked.data;
  throw errorOf(checked.error.issues[0]);
}

function errorOf(issue: Issue | undefined): Error {
  const place = issue === undefined ? "params" : placeOf(issue.path);
  switch (issue?.code) {
    case "too_big":
      return rangeFault(place, "atMost", Number(issue.maximum));
    case "too_small":
      return rangeFault(place, "atLeast", Number(issue.minimum));
    case "custom":
      return customFault(place, issue.params);
    case "invalid_type":
      return typeError(place, issue.expected);
    case "unrecognized_keys":
      return typeFault(place, "noOtherMembers");
    default:
      return typeFault(place, "type");
  }
}

/** A fraction where an integer is required is out of range, the same as in process. */
function typeError(place: string, expected: string): Error {
  if (expected === "nonoptional") return typeFault(place, "required");
  if (expected === "int") return rangeFault(place, "integer");
  return typeFault(place, KINDS.find((kind) => kind === expected) ?? "type");
}

const KINDS = ["string", "number", "boolean", "object", "array"] as const;

/** The schemas' own checks name the rule that was broken. */
function customFault(place: string, params: unknown): Error {
  const fault = readArgumentFault({ place, ...Object(params) });
  return fault === undefined
    ? typeFault(place, "type")
    : rangeFault(place, fault.rule, ...fault.bounds);
}

/** A path contains only members that a schema names, and positions in lists. */
function placeOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.length === 0 ? "params" : parts.join("").replace(/^\./, "");
}
