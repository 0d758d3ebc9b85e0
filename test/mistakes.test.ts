/** The mistakes of a first hour. Each is answered by a message that names what to do instead. */

import { afterAll, expect, it } from "vitest";
import { guardTools } from "../src/ai-sdk.js";
import { generateToken, openJwtAuth, tokenAuth, trustLocalCallers } from "../src/auth.js";
import { lruCache } from "../src/cache/lru.js";
import { openRedisCache } from "../src/cache/redis.js";
import { openSqliteCache } from "../src/cache/sqlite.js";
import { VaultClient } from "../src/client.js";
import { fernetEncryptor } from "../src/codec/encryptor/fernet.js";
import {
  aes256GcmEncryptor,
  generateKey,
  HandleVault,
  KeyRing,
  memoryCache,
  VaultCodec,
} from "../src/index.js";
import { AgentPolicy, withVault } from "../src/mcp.js";
import { schemaSummarizer, truncateSummarizer } from "../src/safe-view.js";
import { hydrateValue, TemplateEngine } from "../src/template.js";
import { serveHttp } from "../src/transport/http.js";

const v = new HandleVault();
const O = { ownerPrincipal: "hr", safeView: "a payload" };
const h = await v.seal({ a: 1 }, O);
const token = generateToken();
/** Lets the compiler pass what it would refuse. */
const a = (value: unknown) => value as never;

afterAll(() => v.close());

/** The mistake, the code, and what the message says. */
const MISTAKES: readonly [mistake: string, code: () => unknown, message: string][] = [
  ["a seal without options", () => v.seal(1, a(undefined)), "options must be an object"],
  [
    "a seal without an owner",
    () => v.seal(1, a({ safeView: "x" })),
    "ownerPrincipal must be a string",
  ],
  [
    "a seal without a safe view",
    () => v.seal(1, a({ ownerPrincipal: "hr" })),
    "options must have safeView or summarizer",
  ],
  [
    "a seal with two sources of its safe view",
    () => v.seal(1, a({ ...O, summarizer: schemaSummarizer() })),
    "options must have either safeView or summarizer, not both",
  ],
  [
    "a lifetime as text",
    () => v.seal(1, a({ ...O, ttlSeconds: "15m" })),
    "ttlSeconds must be a number of seconds",
  ],
  [
    "a lifetime in milliseconds since 1970",
    () => v.seal(1, { ...O, ttlSeconds: 1e13 }),
    "ttlSeconds must be from 0 to 3155760000 seconds",
  ],
  [
    "a shortened option",
    () => v.seal(1, a({ ...O, ttl: 5 })),
    "options has an unknown option: ttl (did you mean ttlSeconds?)",
  ],
  [
    "options in snake case",
    () => v.seal(1, a({ owner_principal: "hr", safe_view: "x" })),
    "options has an unknown option: owner_principal (did you mean ownerPrincipal?)",
  ],
  [
    "one grant without a list",
    () => v.seal(1, a({ ...O, grantedPrincipals: "bob" })),
    "grantedPrincipals must be an array of strings",
  ],
  [
    "no uses at all",
    () => v.seal(1, { ...O, maxUses: 0 }),
    "maxUses must be a whole number from 1 to 4294967294",
  ],
  [
    "a date under the JSON serializer",
    () => v.seal({ at: new Date() }, O),
    "data.at is an instance of a class: the serializer cannot carry it",
  ],
  [
    "undefined as a payload",
    () => v.seal(undefined, O),
    "data is undefined: the serializer cannot carry it",
  ],
  [
    "a map under the JSON serializer",
    () => v.seal(new Map([[1, 2]]), O),
    "data is an instance of a class: the serializer cannot carry it",
  ],
  [
    "a function in the payload",
    () => v.seal({ f() {} }, O),
    "data.f is a function: the serializer cannot carry it",
  ],
  [
    "a safe view that repeats the payload",
    () => v.seal({ ssn: "123-45-6789" }, { ...O, safeView: "ssn 123-45-6789" }),
    "The safe view repeats a value of the payload: leave it out, or allow its path by leakGuard.",
  ],
  [
    "a payload that contains itself",
    () => {
      const x: { x?: unknown } = {};
      x.x = x;
      return v.seal(x, O);
    },
    "data.x contains itself",
  ],
  [
    "a principal before the handle",
    () => v.unseal("hr", h.id),
    "the handle comes first, then requestingPrincipal: they are swapped",
  ],
  [
    "an unseal without a principal",
    () => v.unseal(h, a(undefined)),
    "requestingPrincipal must be a string",
  ],
  [
    "a principal in an object",
    () => v.unseal(h, a({ as: "hr" })),
    "requestingPrincipal must be a string",
  ],
  [
    "a schema of an unknown kind",
    () => v.unseal(h, "hr", a({ schema: { parse() {} } })),
    "schema must be a schema of zod, valibot, arktype or another library of Standard Schema",
  ],
  ["a number as a handle", () => v.unseal(a(5), "hr"), "handle must be a handle or the id of one"],
  [
    "a grant without its owner",
    () => v.grant(h, "bob", a(undefined)),
    "options must be an object with the owner: { by: principal }",
  ],
  [
    "the owner of a grant as text",
    () => v.grant(h, "bob", a("hr")),
    "options must be an object with the owner: { by: principal }",
  ],
  [
    "a lifetime as text in renew",
    () => v.renew(h, a("60"), { by: "hr" }),
    "ttlSeconds must be a number of seconds",
  ],
  [
    "a key as the keys of a vault",
    () => new HandleVault({ keys: a(generateKey()) }),
    "keys must be a KeyRing, or an object with the methods wrap, unwrap",
  ],
  [
    "keys beside an encryptor",
    () =>
      new HandleVault({
        keys: KeyRing.ephemeral(),
        codec: new VaultCodec({ encryptor: aes256GcmEncryptor({ keys: KeyRing.ephemeral() }) }),
      }),
    "keys are for the default encryptor: the codec brings one of its own",
  ],
  [
    "a cache that was not awaited",
    () => new HandleVault({ cache: a(openSqliteCache(":memory:")) }),
    "cache is a promise: await it first",
  ],
  [
    "a cache in the place of options",
    () => new HandleVault(a(memoryCache())),
    "HandleVault options has an unknown option: shared (known: cache, keys, codec, clock, tenant, acceptVolatile, cacheTimeoutMs, keyTimeoutMs, leakGuard)",
  ],
  [
    "a short key",
    () => KeyRing.from({ current: "k", keys: { k: "short" } }),
    "a key as text must be 43 characters of base64url, as generateKey() returns it",
  ],
  [
    "a current key that is not in the ring",
    () => KeyRing.from({ current: "z", keys: { k: generateKey() } }),
    "current must be the id of one of the keys",
  ],
  [
    "a variable that is not set",
    () => KeyRing.fromEnv("NOT_SET_ANYWHERE"),
    "KeyRing.fromEnv: the environment variable is not set",
  ],
  [
    "a key file that is not there",
    () => KeyRing.fromFile("/nowhere/keys"),
    "KeyRing.fromFile: the key file cannot be opened",
  ],
  [
    "a key id that is taken",
    () => {
      const r = KeyRing.from({ current: "k", keys: { k: generateKey() } });
      r.add("k", generateKey());
    },
    "keyId is taken: give every key an id of its own",
  ],
  [
    "a removal of the current key",
    () => {
      const r = KeyRing.from({ current: "k", keys: { k: generateKey() } });
      r.remove("k", { force: true });
    },
    "keyId is the current key: promote another first",
  ],
  ["an LRU cache without bounds", () => lruCache(a({})), "maxEntries must be a number"],
  ["a database without a path", () => openSqliteCache(a(undefined)), "path must be a string"],
  [
    "a Redis address without its scheme",
    () => openRedisCache(a("localhost:6379")),
    "target must be a URL such as redis://user:password@host:6379/0, with its parts percent-encoded",
  ],
  [
    "a short token",
    () => tokenAuth({ tokens: [{ token: "abc", principal: "a" }] }),
    "tokens[0].token must have 32 to 1024 characters",
  ],
  ["one token without a list", () => tokenAuth(a({ tokens: token })), "tokens must be an array"],
  [
    "JWTs without a key",
    () => openJwtAuth(a({ issuer: "i", audience: "a" })),
    "openJwtAuth options must have either a key or jwks",
  ],
  [
    "a server without authentication",
    () => serveHttp(v, a({ port: 0 })),
    "options.auth must be an authenticator such as tokenAuth({ tokens }), an object with the methods authenticate",
  ],
  [
    "a public server without TLS",
    () => serveHttp(v, { auth: tokenAuth({ tokens: [] }), host: "0.0.0.0", port: 0 }),
    "options.host lets other machines connect: give options.tls, or insecureTransport: true",
  ],
  [
    "local trust on a public address",
    () =>
      serveHttp(v, {
        auth: trustLocalCallers(),
        host: "0.0.0.0",
        port: 0,
        insecureTransport: true,
      }),
    "options.auth believes what local callers say: listen on the loopback interface or a Unix socket",
  ],
  [
    "a server without a vault",
    () => serveHttp(a({ auth: 1 }), { auth: trustLocalCallers(), port: 0 }),
    "vault must be an object with the methods seal, unseal, getSafeView, describe, invalidate, grant, revoke, renew",
  ],
  [
    "a host name as a URL",
    () => VaultClient.http("vault.example"),
    "url must be one such as https://vault.example:8421, without credentials",
  ],
  [
    "a token without TLS",
    () => VaultClient.http("http://vault.example", { token }),
    "options.token may leave this machine with TLS only, or with insecureTransport: true",
  ],
  [
    "a token with the word Bearer",
    () => VaultClient.http("https://vault.example", { token: `Bearer ${token}` }),
    "options.token must be a bearer token, without the word Bearer: A-Z a-z 0-9 - . _ ~ + / and = at the end",
  ],
  [
    "a URL for JSON-RPC",
    () => VaultClient.jsonRpc(a("tcp://127.0.0.1:8423")),
    "address must be an object: { host, port }, or { path } for a Unix socket",
  ],
  [
    "a misspelled member of a policy",
    () => new AgentPolicy(a({ servers: { s: { tool: {} } } })),
    "policy.servers.s has an unknown option: tool (did you mean tools?)",
  ],
  [
    "a place of a policy that is no pointer",
    () => new AgentPolicy({ servers: { s: { tools: { t: { seal: [{ at: "card" }] } } } } }),
    'policy.servers.s.tools.t.seal[0].at must be a JSON pointer: "" or "/member/*"',
  ],
  [
    "a grant of a policy without its server",
    () =>
      new AgentPolicy({
        servers: { s: { tools: { t: { seal: [{ at: "", grant: ["charge"] }] } } } },
      }),
    "policy.servers.s.tools.t.seal[0].grant[0] must name one tool exactly: server/tool",
  ],
  [
    "a wrapped server without subjects",
    () =>
      withVault(
        a({ connect() {} }),
        a({ vault: v, policy: new AgentPolicy({ servers: {} }), server: "s" }),
      ),
    "subjectOf must be a function",
  ],
  [
    "the subject of tools as text",
    () =>
      guardTools(
        {},
        a({ vault: v, policy: new AgentPolicy({ servers: {} }), server: "s", subject: "alice" }),
      ),
    "guardTools options has an unknown option: subject (did you mean subjectOf?)",
  ],
  [
    "a truncating summarizer",
    () => truncateSummarizer(a({})),
    "unsafe must be true: this shows the payload's beginning",
  ],
  [
    "a template without a principal",
    () => new TemplateEngine(v).hydrate("x {{hdl_00000000000000000000000000000000}}", a({})),
    "requestingPrincipal must be a string",
  ],
  [
    "hydration without options",
    () => hydrateValue(v, {}, a(undefined)),
    "options must be an object",
  ],
  [
    "a key of a ring as a Fernet key",
    () => fernetEncryptor({ keys: [generateKey()] }),
    "a Fernet key must be 32 bytes of padded base64url, from generateFernetKey()",
  ],
  [
    "a closed vault",
    async () => {
      const x = new HandleVault();
      await x.close();
      return x.seal(1, O);
    },
    "The vault is closed: make a new one.",
  ],
];

it("are forty or more", () => {
  expect(MISTAKES.length).toBeGreaterThanOrEqual(40);
});

it.each(MISTAKES)("%s is refused with advice", async (_, code, message) => {
  await expect((async () => code())()).rejects.toThrow(message);
});
