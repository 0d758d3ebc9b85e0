import type { z } from "zod/v4";

type Issue = z.core.$ZodIssue;

/**
 * Returns parameters as their schema has them.
 *
 * @throws TypeError A member is missing, unknown or of the wrong kind.
 * @throws RangeError A member is out of its bounds. Both name the member, never its value.
 */
export function checkParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const checked = schema.safeParse(withId(params));
  if (checked.success) return checked.data;
  throw errorOf(checked.error.issues[0]);
}

/** The original calls a handle's id `handle_id` in places. */
function withId(params: unknown): unknown {
  if (typeof params !== "object" || params === null || Object.hasOwn(params, "id")) return params;
  if (!Object.hasOwn(params, "handle_id")) return params;
  const { handle_id: id, ...rest } = params as { readonly handle_id: unknown };
  return { ...rest, id };
}

function errorOf(issue: Issue | undefined): Error {
  const place = issue === undefined ? "params" : placeOf(issue.path);
  switch (issue?.code) {
    case "too_big":
      return new RangeError(`${place} must have or be at most ${issue.maximum}`);
    case "too_small":
      return new RangeError(`${place} must have or be at least ${issue.minimum}`);
    case "custom":
      return new RangeError(`${place} ${issue.message}`);
    case "invalid_type":
      return typeError(place, issue.expected);
    case "unrecognized_keys":
      return new TypeError(`${place} must have no other members`);
    default:
      return new TypeError(`${place} must be of another kind`);
  }
}

/** An integer that is not whole is a number out of its bounds, as it is in process. */
function typeError(place: string, expected: string): Error {
  if (expected === "nonoptional") return new TypeError(`${place} must be given`);
  if (expected === "int") return new RangeError(`${place} must be a whole number`);
  return new TypeError(`${place} must be ${/^[aeiou]/.test(expected) ? "an" : "a"} ${expected}`);
}

/** Only members that a schema names, and places in lists, are ever part of a path. */
function placeOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.length === 0 ? "params" : parts.join("").replace(/^\./, "");
}
