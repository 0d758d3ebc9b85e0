import type { z } from "zod/v4";
import { HandleDescription, OpaqueHandle } from "../vault/handle.js";
import { schemas } from "./loaded-schemas.js";
import type { OperationName, Payload, ResultOf, WireOutcome } from "./messages.js";
import { unanswered } from "./unanswered.js";

const HANDLE_ID = /^hdl_[0-9a-f]{32}$/;

/**
 * Returns an answer as the operation's schema has it; members that it does not have are left out.
 *
 * @throws OutcomeUnknownError `ServiceUnavailableError` It is not what the operation gives:
 *   what was asked for may have happened, or only reads.
 */
export function readAnswer<Name extends OperationName>(
  operation: Name,
  answer: unknown,
): ResultOf<Name> {
  const { result } = schemas.get().operations[operation];
  const read = (result as z.ZodType<ResultOf<Name>>).safeParse(answer);
  if (!read.success) throw unreadable(operation);
  return read.data;
}

/** What an answer that describes a handle is read by. */
export interface HandleExpected {
  /** The grants that were asked for: the original's servers leave them out. */
  readonly grantedPrincipals?: readonly string[] | undefined;
  /** The id of the handle that was asked about, if there was one. */
  readonly id?: string | undefined;
}

/** Returns the handle that the answer to an operation describes. */
export function readHandle(
  operation: "seal" | "grant" | "revoke" | "renew",
  answer: unknown,
  { grantedPrincipals = [], id }: HandleExpected,
): OpaqueHandle {
  const whole = { granted_principals: grantedPrincipals, ...objectOf(answer) };
  const wire = readAnswer(operation, whole);
  checkId(operation, wire.id, id);
  return new OpaqueHandle(handleFields(wire));
}

/** Returns the description that an answer gives of a handle. */
export function readDescription(answer: unknown, id: string): HandleDescription {
  const wire = readAnswer("describe", answer);
  checkId("describe", wire.id, id);
  return new HandleDescription({ ...handleFields(wire), usesLeft: wire.uses_left ?? undefined });
}

/** Returns the payload that an answer holds. */
export function readPayload(answer: unknown): unknown {
  // A schema does not tell a payload that is not there from one that is undefined.
  const payload: Partial<Payload> = readAnswer("unseal", answer);
  if (payload.data === undefined) throw unreadable("unseal");
  return payload.data;
}

/** Returns what became of `count` items, whose values have not been checked yet. */
export function readOutcomes(
  operation: "seal_many" | "unseal_many",
  answer: unknown,
  count: number,
): readonly WireOutcome<unknown>[] {
  const read = schemas.get().outcomes.safeParse(answer);
  if (!read.success || read.data.outcomes.length !== count) throw unreadable(operation);
  return read.data.outcomes;
}

/** An answer about another handle than the one asked about is the answer to another request. */
function checkId(operation: OperationName, id: string, expected: string | undefined): void {
  if (!HANDLE_ID.test(id) || (expected ?? id) !== id) throw unreadable(operation);
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

function objectOf(answer: unknown): object {
  return typeof answer === "object" && answer !== null ? answer : {};
}

/** The parser's own findings could quote the answer. */
function unreadable(operation: OperationName): Error {
  return unanswered(
    operation,
    new TypeError("The service's answer is not what the operation gives."),
  );
}
