import type { z } from "zod/v4";
import { ServiceUnavailableError } from "../vault/errors.js";
import { HandleDescription, OpaqueHandle } from "../vault/handle.js";
import { schemas } from "./loaded-schemas.js";
import type { OperationName, Payload, ResultOf, WireOutcome } from "./messages.js";

/**
 * Returns an answer as the operation's schema has it; members that it does not have are left out.
 *
 * @throws {@link ServiceUnavailableError} It is not what the operation gives.
 */
export function readAnswer<Name extends OperationName>(
  operation: Name,
  answer: unknown,
): ResultOf<Name> {
  const { result } = schemas.get().operations[operation];
  return parse<ResultOf<Name>>(result as z.ZodType<ResultOf<Name>>, answer);
}

/** Returns the handle that an answer describes. The original's servers leave the grants out. */
export function readHandle(
  answer: unknown,
  grantedPrincipals: readonly string[] = [],
): OpaqueHandle {
  const whole = { granted_principals: grantedPrincipals, ...objectOf(answer) };
  return new OpaqueHandle(handleFields(readAnswer("seal", whole)));
}

/** Returns the description that an answer gives. */
export function readDescription(answer: unknown): HandleDescription {
  const wire = readAnswer("describe", answer);
  return new HandleDescription({ ...handleFields(wire), usesLeft: wire.uses_left ?? undefined });
}

/** Returns the payload that an answer holds. */
export function readPayload(answer: unknown): unknown {
  // A schema does not tell a payload that is not there from one that is undefined.
  const payload: Partial<Payload> = readAnswer("unseal", answer);
  if (payload.data === undefined) throw unreadable();
  return payload.data;
}

/** Returns what became of `count` items, whose values nobody has checked yet. */
export function readOutcomes(answer: unknown, count: number): readonly WireOutcome<unknown>[] {
  const { outcomes } = parse(schemas.get().outcomes, answer);
  if (outcomes.length !== count) throw unreadable();
  return outcomes;
}

function handleFields(wire: ResultOf<"seal">) {
  return {
    id: wire.id,
    safeView: wire.safe_view,
    ownerPrincipal: wire.owner_principal,
    grantedPrincipals: [...wire.granted_principals],
    createdAtMs: Date.parse(wire.created_at),
    expiresAtMs: Date.parse(wire.expires_at),
  };
}

function parse<T>(schema: z.ZodType<T>, answer: unknown): T {
  const read = schema.safeParse(answer);
  if (!read.success) throw unreadable();
  return read.data;
}

function objectOf(answer: unknown): object {
  return typeof answer === "object" && answer !== null ? answer : {};
}

/** The parser's own findings could quote the answer. */
function unreadable(): ServiceUnavailableError {
  return new ServiceUnavailableError({
    cause: new TypeError("The service's answer is not what the operation gives."),
  });
}
