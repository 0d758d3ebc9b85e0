/**
 * The parts of the schemas of operations, which servers and clients of every wire share.
 *
 * The one module that needs zod: import it through `loaded-schemas.ts`.
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
} from "../../vault/checks.js";
import type { WireDescription, WireHandle } from "../../vault/handle.js";
import type { GrantParams, Payload, RequestParams, SealParams, WireOutcomes } from "./messages.js";
import { MAX_BATCH } from "./messages.js";

export { z };

export const principal: z.ZodType<string> = z
  .string()
  .min(1)
  .max(MAX_PRINCIPAL_CHARACTERS)
  .refine((text) => !CONTROL_CHARACTER.test(text), { params: { rule: "noControlCharacters" } })
  .refine((text) => text.isWellFormed(), { params: { rule: "wellFormed" } })
  .describe("Who it is, such as a SPIFFE id.");

export const id: z.ZodType<string> = z
  .string()
  .describe("The handle's id: hdl_ and 32 lower-case hex digits.");

const safeView = z
  .string()
  .max(MAX_SAFE_VIEW_BYTES)
  .refine((text) => Buffer.byteLength(text) <= MAX_SAFE_VIEW_BYTES, {
    params: { rule: "maxBytes", bounds: [MAX_SAFE_VIEW_BYTES] },
  })
  .refine((text) => text.isWellFormed(), { params: { rule: "wellFormed" } })
  .describe("What every caller may know of the payload.");

export const ttlSeconds: z.ZodType<number> = z
  .number()
  .min(0)
  .max(MAX_TTL_SECONDS)
  .describe("Lifetime in seconds.");

/** Neither `z.json()` nor `z.record()`: they drop `__proto__` members and recurse without a limit. */
const data = z.unknown().describe("The payload: bytes, text or JSON data.");

const leakGuard = z
  .union([
    z.literal("off"),
    z.strictObject({
      allow: z
        .array(z.string().refine(isPlace, { params: { rule: "pointer" } }))
        .max(MAX_ALLOWED_PLACES)
        .describe("JSON pointers, in which * stands for any one member."),
    }),
  ])
  .describe("What of the payload the safe view may show; off for no check. Default: nothing.");

// A member that is null counts as absent: the original's clients send both.
export const sealParams: z.ZodType<SealParams> = z.strictObject({
  data,
  owner_principal: principal.nullish(),
  safe_view: safeView,
  ttl_seconds: ttlSeconds.nullish(),
  granted_principals: z.array(principal).nullish(),
  max_uses: z.number().int().min(1).max(MAX_USES).nullish(),
  leak_guard: leakGuard.nullish(),
});

export const requestParams: z.ZodType<RequestParams> = z.strictObject({
  id,
  requesting_principal: principal.nullish(),
});

export const grantParams: z.ZodType<GrantParams> = z.strictObject({
  id,
  principal,
  by: principal.nullish(),
});

/** A handle as processes exchange it. Times with a UTC offset are accepted. */
const handleMembers = z.object({
  id,
  safe_view: z.string(),
  owner_principal: z.string(),
  granted_principals: z.array(z.string()).max(MAX_GRANTS),
  created_at: z.iso.datetime({ offset: true }),
  expires_at: z.iso.datetime({ offset: true }),
});

export const handle: z.ZodType<WireHandle> = handleMembers;

/** A handle as its owner and grantees may see it. */
export const description: z.ZodType<WireDescription> = handleMembers.extend({
  uses_left: z.number().int().min(0).nullable(),
});

export const payload: z.ZodType<Payload> = z.object({ data });

const failure = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }),
});

/** Returns the schema of the outcomes of many items. */
export function outcomesOf<Value>(value: z.ZodType<Value>): z.ZodType<WireOutcomes<Value>> {
  const success = z.object({ ok: z.literal(true), value });
  return z.object({ outcomes: z.array(z.discriminatedUnion("ok", [success, failure])) });
}

/** The parameters of a batch operation. Items are checked separately, so that an invalid one fails alone. */
export const batch: z.ZodType<{ readonly requests: readonly unknown[] }> = z.strictObject({
  requests: z.array(z.unknown()).max(MAX_BATCH),
});

/** The outcomes of a batch, whose values are checked one by one later. */
export const uncheckedOutcomes: z.ZodType<WireOutcomes<unknown>> = z.object({
  outcomes: z.array(z.union([z.object({ ok: z.literal(true), value: z.unknown() }), failure])),
});

/** The parts from which the table of operations builds its schemas. */
export type SchemaParts = typeof import("./schemas.js");

/** The schemas of one operation. */
export interface OperationSchemas<Params, Result> {
  readonly params: z.ZodType<Params>;
  readonly result: z.ZodType<Result>;
}
