/**
 * The schema of a policy file. Imported only when a policy is read, because it requires the package `zod`.
 *
 * The policy itself checks names, pointers and numbers.
 */
import { z } from "zod/v4";
import { ARGUMENT_FORMATS } from "../mcp/policy/policy-rules.js";

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

const token = z.strictObject({ env: z.string(), subject: z.string() });

const auth = z
  .strictObject({
    jwt: jwt.optional(),
    tokens: z.array(token).optional(),
  })
  .refine(
    (given) => given.jwt !== undefined || given.tokens !== undefined,
    "must have jwt or tokens",
  );

/** The schema of a policy file. */
export const policySchema = z.strictObject({
  version: z.literal(1),
  vault: z.strictObject({ cache, keys: keys.optional() }),
  subject: z.string().optional(),
  auth: auth.optional(),
  ttlSeconds: z.number().optional(),
  defaults: defaults.optional(),
  servers: z.record(z.string(), z.strictObject({ tools: z.record(z.string(), tool) })),
});

/** A policy file. */
export type PolicyData = z.infer<typeof policySchema>;
/** The rules of one tool. */
export type ToolData = z.infer<typeof tool>;
/** A sealing rule. It covers a pointer, or the places that a schema file marks. */
export type SealRuleData = z.infer<typeof sealRule>;
/** The authentication of clients over HTTP. */
export type AuthData = z.infer<typeof auth>;
/** Signed tokens of one issuer. One of their claims, by default `sub`, is the subject. */
export type JwtData = z.infer<typeof jwt>;
/** A fixed token in an environment variable, given by the variable's name. */
export type TokenData = z.infer<typeof token>;
/** The storage of handles: the process's memory, or a database at a path or URL. */
export type CacheData = z.infer<typeof cache>;
/** The source of the keys. A `mounted` file is one that other users of a container platform may read. */
export type KeysData = z.infer<typeof keys>;
/** An object with exactly one member, whose name is the kind of the value. */
export type OneOf<Name extends string> = { readonly [Kind in Name]?: string | undefined };

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
