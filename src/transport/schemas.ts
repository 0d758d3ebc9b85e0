/**
 * One schema for the parameters of each operation of a vault's service and one for its result, shared by
 * servers and clients of every wire. `data` is the native value: bytes, text or JSON data; how a wire
 * carries it is the wire's affair.
 *
 * The one module that needs zod: import it by way of `schemas` of `loaded-schemas.ts`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { z } from "zod/v4";
import {
  CONTROL_CHARACTER,
  isPlace,
  MAX_ALLOWED_PLACES,
  MAX_GRANTS,
  MAX_PRINCIPAL_CHARACTERS,
  MAX_SAFE_VIEW_BYTES,
  MAX_TTL_SECONDS,
  MAX_USES,
} from "../vault/checks.js";
import type { OperationName, ParamsOf, ResultOf, WireOutcome, WireOutcomes } from "./messages.js";
import { MAX_BATCH } from "./operations.js";

const principal = z
  .string()
  .min(1)
  .max(MAX_PRINCIPAL_CHARACTERS)
  .refine((text) => !CONTROL_CHARACTER.test(text), "must not contain control characters")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .describe("Who it is, such as a SPIFFE id.");

const id = z.string().describe("The handle's id: hdl_ and 32 lower-case hex digits.");

const safeView = z
  .string()
  .max(MAX_SAFE_VIEW_BYTES)
  .refine(
    (text) => Buffer.byteLength(text) <= MAX_SAFE_VIEW_BYTES,
    `must have at most ${MAX_SAFE_VIEW_BYTES} bytes of UTF-8`,
  )
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .describe("What anybody may know of the payload.");

const ttlSeconds = z.number().min(0).max(MAX_TTL_SECONDS).describe("Lifetime in seconds.");

/** Neither `z.json()` nor `z.record()`: they drop `__proto__` members and recurse without a bound. */
const data = z.unknown().describe("The payload: bytes, text or JSON data.");

const leakGuard = z
  .union([
    z.literal("off"),
    z.strictObject({
      allow: z
        .array(z.string().refine(isPlace, "must be a JSON pointer"))
        .max(MAX_ALLOWED_PLACES)
        .describe("JSON pointers, in which * stands for any one member."),
    }),
  ])
  .describe("What of the payload the safe view may show; off for no check. Default: nothing.");

// A member that is null counts as absent: the original's clients send both.
const sealParams = z.strictObject({
  data,
  owner_principal: principal.nullish(),
  safe_view: safeView,
  ttl_seconds: ttlSeconds.nullish(),
  granted_principals: z.array(principal).nullish(),
  max_uses: z.number().int().min(1).max(MAX_USES).nullish(),
  leak_guard: leakGuard.nullish(),
});

const requestParams = z.strictObject({ id, requesting_principal: principal.nullish() });

const grantParams = z.strictObject({ id, principal, by: principal.nullish() });

/** A handle as it travels between processes. Offset forms of times are read. */
const wireHandle = z.object({
  id,
  safe_view: z.string(),
  owner_principal: z.string(),
  granted_principals: z.array(z.string()).max(MAX_GRANTS),
  created_at: z.iso.datetime({ offset: true }),
  expires_at: z.iso.datetime({ offset: true }),
});

/** A handle as its owner and grantees may see it. */
const wireDescription = wireHandle.extend({
  uses_left: z.number().int().min(0).nullable(),
});

const payload = z.object({ data });

const failure = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string() }),
});

/** Returns the schema of what became of many items. */
function outcomesOf<Value>(value: z.ZodType<Value>): z.ZodType<WireOutcomes<Value>> {
  const success = z.object({ ok: z.literal(true), value });
  return z.object({ outcomes: z.array(z.discriminatedUnion("ok", [success, failure])) });
}

/** The parameters of an operation for many: a bad item is to fail alone, so each is checked for itself. */
export const batch: z.ZodType<{ requests: unknown[] }> = z.strictObject({
  requests: z.array(z.unknown()).max(MAX_BATCH),
});

/** What became of many items, whose values are to be checked one by one. */
export const outcomes: z.ZodType<{ outcomes: WireOutcome<unknown>[] }> = z.object({
  outcomes: z.array(z.union([z.object({ ok: z.literal(true), value: z.unknown() }), failure])),
});

/** The schemas of one operation. */
export interface Operation<Params, Result> {
  readonly params: z.ZodType<Params>;
  readonly result: z.ZodType<Result>;
}

/** The schemas of every operation. */
export const operations: {
  readonly [Name in OperationName]: Operation<ParamsOf<Name>, ResultOf<Name>>;
} = {
  seal: { params: sealParams, result: wireHandle },
  unseal: { params: requestParams, result: payload },
  get_safe_view: { params: z.strictObject({ id }), result: z.object({ safe_view: z.string() }) },
  describe: { params: requestParams, result: wireDescription },
  invalidate: { params: requestParams, result: z.object({ ok: z.literal(true) }) },
  grant: { params: grantParams, result: wireHandle },
  revoke: { params: grantParams, result: wireHandle },
  renew: {
    params: z.strictObject({ id, ttl_seconds: ttlSeconds, by: principal.nullish() }),
    result: wireHandle,
  },
  seal_many: {
    params: z.strictObject({ requests: z.array(sealParams).max(MAX_BATCH) }),
    result: outcomesOf(wireHandle),
  },
  unseal_many: {
    params: z.strictObject({ requests: z.array(requestParams).max(MAX_BATCH) }),
    result: outcomesOf(payload),
  },
  health: { params: z.strictObject({}), result: z.object({ status: z.literal("ok") }) },
};
