import type { z } from "zod/v4";
import { rangeFault, readArgumentFault, typeFault } from "../../vault/argument-errors.js";

type Issue = z.core.$ZodIssue;

/**
 * Returns parameters as their schema has them.
 *
 * @throws TypeError A member is missing, unknown or of the wrong kind.
 * @throws RangeError A member is out of its bounds. Both name the member, never its value.
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

/** An integer that is not whole is a number out of its bounds, as it is in process. */
function typeError(place: string, expected: string): Error {
  if (expected === "nonoptional") return typeFault(place, "required");
  if (expected === "int") return rangeFault(place, "integer");
  return typeFault(place, KINDS.find((kind) => kind === expected) ?? "type");
}

const KINDS = ["string", "number", "boolean", "object", "array"] as const;

/** A check of the schemas' own says which rule it is for. */
function customFault(place: string, params: unknown): Error {
  const fault = readArgumentFault({ place, ...Object(params) });
  return fault === undefined
    ? typeFault(place, "type")
    : rangeFault(place, fault.rule, ...fault.bounds);
}

/** Only members that a schema names, and places in lists, are ever part of a path. */
function placeOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.length === 0 ? "params" : parts.join("").replace(/^\./, "");
}
