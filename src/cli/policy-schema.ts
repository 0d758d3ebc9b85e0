/**
 * The schema of a policy file. Imported only when a policy is read, because it requires the package `zod`.
 *
 * The policy itself checks names, pointers and numbers.
 */
import { z } from "zod/v4";
import { ARGUMENT_FORMATS } from "../mcp/policy/policy-rules.js";
import type { OneOf, PolicyData } from "./policy-data.js";

const safeView = oneOf(["fixed", "summarizer"]);

const sealRule = z
  .strictObject({
    at: z.string().optional(),
    marked: z.string().optional(),
    safeView: safeView.optional(),
    grant: z.array(z.string()).optional(),
    ttlSeconds: z.number().optional(),
    maxUses: z.number().optional(),
    optional: z.boolean().optional(),
  })
  .refine(
    ({ at, marked }) => (at === undefined) !== (marked === undefined),
    "must have exactly one of at, marked",
  )
  .refine(
    ({ marked, optional }) => marked === undefined || optional === undefined,
    "must not have optional beside marked: the schema says what is required",
  );

const hydrateRule = z.strictObject({
  at: z.string(),
  inside: z.boolean().optional(),
  format: z.enum(ARGUMENT_FORMATS).optional(),
  leftover: z.enum(["refuse", "pass"]).optional(),
});

const texts = z.enum(["fixed", "pass"]);

const tool = z.strictObject({
  seal: z
    .union([z.literal("none"), z.array(sealRule)], "must be none, or a list of rules")
    .optional(),
  show: z.array(z.string()).optional(),
  hydrate: z.array(hydrateRule).optional(),
  errors: z.enum(["seal", "fixed", "pass"]).optional(),
  texts: texts.optional(),
  description: z.string().optional(),
});

const defaults = z.strictObject({
  unlisted: z.enum(["seal", "pass", "refuse"]).optional(),
  unknownNames: z.enum(["warn", "refuse"]).optional(),
  errors: z.enum(["seal", "fixed"]).optional(),
  texts: texts.optional(),
  resourceLinks: z.boolean().optional(),
});

const cache = z.union(
  [z.literal("memory"), oneOf(["sqlite", "lmdb", "redis", "valkey"])],
  "must be memory, or one of sqlite, lmdb, redis, valkey",
);

const keys = z
  .strictObject({
    file: z.string().optional(),
    env: z.string().optional(),
    mounted: z.boolean().optional(),
  })
  .refine(hasOneOf(["file", "env"]), "must have exactly one of file, env")
  .refine(
    ({ file, mounted }) => mounted === undefined || file !== undefined,
    "must not have mounted beside env: it is about a file",
  );

const jwt = z.strictObject({
  issuer: z.string(),
  audience: z.string(),
  key: oneOf(["file", "jwks"]),
  claim: z.string().optional(),
  algorithms: z.array(z.string()).optional(),
});

const auth = z
  .strictObject({
    jwt: jwt.optional(),
    tokens: z.array(z.strictObject({ env: z.string(), subject: z.string() })).optional(),
  })
  .refine(
    (given) => given.jwt !== undefined || given.tokens !== undefined,
    "must have jwt or tokens",
  );

/** The schema of a policy file. */
export const policySchema: z.ZodType<PolicyData> = z.strictObject({
  version: z.literal(1),
  vault: z.strictObject({ cache, keys: keys.optional() }),
  subject: z.string().optional(),
  auth: auth.optional(),
  ttlSeconds: z.number().optional(),
  defaults: defaults.optional(),
  servers: z.record(z.string(), z.strictObject({ tools: z.record(z.string(), tool) })),
});

/** Returns the schema of an object with exactly one of the members. */
function oneOf<Name extends string>(names: readonly Name[]): z.ZodType<OneOf<Name>> {
  const members = names.map((name) => [name, z.string().optional()] as const);
  const shape = Object.fromEntries(members) as Record<Name, z.ZodOptional<z.ZodString>>;
  return z
    .strictObject(shape)
    .refine(
      hasOneOf(names),
      `must have exactly one of ${names.join(", ")}`,
    ) as unknown as z.ZodType<OneOf<Name>>;
}

function hasOneOf(names: readonly string[]): (given: Readonly<Record<string, unknown>>) => boolean {
  return (given) => names.filter((name) => given[name] !== undefined).length === 1;
}
