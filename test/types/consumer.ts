/**
 * What must and what must not compile for the users of the package, under every supported compiler. It is
 * checked and never run; `tools/check-package.ts` compiles it against the packed declarations.
 */
import type {
  Aes256GcmOptions,
  CacheBackend,
  CallOptions,
  ChangeOptions,
  HandleVaultOptions,
  KeyFileOptions,
  KeyRingOptions,
  LeakGuardOptions,
  LevelOptions,
  MemoryCacheOptions,
  OpaqueHandle,
  Outcome,
  PassphraseOptions,
  RewrapOptions,
  SealOptions,
  SealRequest,
  StandardSchema,
  Summarizer,
  UnsealOptions,
  UnsealRequest,
  Vault,
  VaultCodecOptions,
} from "handlevault";
import { HandleVault, isVaultError, KeyRing } from "handlevault";
import type { GuardOptions } from "handlevault/ai-sdk";
import type {
  HeaderAuthOptions,
  JwtAuthOptions,
  MtlsAuthOptions,
  TokenAuthOptions,
} from "handlevault/auth";
import { type openJwtAuth, tokenAuth } from "handlevault/auth";
import type { LmdbCacheOptions, OpenLmdbCacheOptions } from "handlevault/cache/lmdb";
import type { LruCacheOptions } from "handlevault/cache/lru";
import type { RedisCacheOptions } from "handlevault/cache/redis";
import type { OpenSqliteCacheOptions, SqliteCacheOptions } from "handlevault/cache/sqlite";
import type { ClientOptions, HttpClientOptions, JsonRpcClientOptions } from "handlevault/client";
import { VaultClient } from "handlevault/client";
import type { FernetOptions } from "handlevault/codec/encryptor/fernet";
import type { CacheFullError, PayloadValidationError } from "handlevault/errors";
import type {
  HandleReuseOptions,
  PolicyDefaults,
  PolicyOptions,
  ToolPolicy,
  VaultToolsOptions,
  WithVaultOptions,
} from "handlevault/mcp";
import type {
  AggregateSummarizerOptions,
  MaskSummarizerOptions,
  SchemaSummarizerOptions,
  TruncateSummarizerOptions,
} from "handlevault/safe-view";
import type {
  DenyPatternsOptions,
  HydrateOptions,
  HydrateServerSentEventsOptions,
  HydrateStreamOptions,
  HydrateValueOptions,
  TemplateEngineOptions,
} from "handlevault/template";
import { hydrateValue } from "handlevault/template";
import type { SuiteOptions } from "handlevault/testing";
import type { HttpHandlerOptions, HttpServerOptions } from "handlevault/transport/http";
import type { JsonRpcServerOptions } from "handlevault/transport/json-rpc";

/** The type of every call is the one that its argument is compared with. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

declare const vault: Vault;
declare const handle: OpaqueHandle;
declare const summarizer: Summarizer;
declare const patient: StandardSchema<{ readonly name: string }>;
declare const cache: CacheBackend;
declare const signal: AbortSignal;

// A seal has exactly one source of its safe view.
void vault.seal(1, { ownerPrincipal: "hr", safeView: "a number" });
void vault.seal(1, { ownerPrincipal: "hr", summarizer });
void vault.seal(1, { ownerPrincipal: "hr", safeView: "a number", signal, timeoutMs: 500 });
// @ts-expect-error Neither.
void vault.seal(1, { ownerPrincipal: "hr" });
// @ts-expect-error Both.
void vault.seal(1, { ownerPrincipal: "hr", safeView: "a number", summarizer });
// @ts-expect-error No owner.
void vault.seal(1, { safeView: "a number" });
// @ts-expect-error The lifetime is a number of seconds.
void vault.seal(1, { ownerPrincipal: "hr", safeView: "a number", ttlSeconds: "15m" });
// @ts-expect-error An item of sealMany has no limits of its own.
void vault.sealMany([{ data: 1, ownerPrincipal: "hr", safeView: "a number", signal }]);

// A schema gives the payload its type; without one the type is a cast, and unknown by default.
void vault.unseal(handle, "hr", { schema: patient }).then(({ name }) => name.length);
void vault.unseal(handle, "hr").then((payload) => same<typeof payload, unknown>(true));
void vault.unseal<{ age: number }>(handle, "hr").then(({ age }) => age + 1);
// @ts-expect-error The schema's output has no such member.
void vault.unseal(handle, "hr", { schema: patient }).then(({ age }) => age);
// @ts-expect-error That is no schema.
void vault.unseal(handle, "hr", { schema: { parse: (value: unknown) => value } });
vault
  .unsealMany([{ id: handle, requestingPrincipal: "hr" }], { schema: patient })
  .then(([first]) => {
    if (first?.ok === true) same<typeof first.value, { readonly name: string }>(true);
    else if (first !== undefined) same<typeof first.error, Error>(true);
  });
void hydrateValue(vault, {}, { requestingPrincipal: "hr", schema: patient }).then(
  ({ value }) => value.name,
);

// A handle is a handle or its id, and a principal is a text.
void vault.getSafeView(handle.id);
void vault.grant(handle, "audit", { by: "hr" });
// @ts-expect-error A number is no handle.
void vault.getSafeView(5);
// @ts-expect-error A handle is no principal.
void vault.unseal("hr", handle);
// @ts-expect-error A change names its owner.
void vault.grant(handle, "audit");

// What is read-only stays so.
// @ts-expect-error A handle cannot be changed.
handle.safeView = "another";
declare const outcome: Outcome<string>;
// @ts-expect-error Only a success has a value.
outcome.value.length;

// Errors: the code narrows the class.
declare const error: unknown;
if (isVaultError(error, "ERR_VAULT_PAYLOAD_VALIDATION")) error.paths.map((path) => path.length);
// @ts-expect-error There is no such code.
isVaultError(error, "ERR_VAULT_GONE");
same<InstanceType<typeof CacheFullError>["code"], "ERR_VAULT_CACHE_FULL">(true);
same<PayloadValidationError["paths"], readonly string[]>(true);

// What opens is asynchronous, and what needs an option says so.
same<ReturnType<typeof openJwtAuth> extends Promise<unknown> ? true : false, true>(true);
tokenAuth({ tokens: [] }).reload([]);
VaultClient.http("https://vault.example", { token: async () => "t" });
VaultClient.jsonRpc({ path: "/run/vault.sock" });
// @ts-expect-error The constructor is not part of the interface.
new VaultClient({});
// @ts-expect-error A ring has a current key.
KeyRing.from({ keys: {} });
new HandleVault({ cache, acceptVolatile: true });

// Every options type refuses a member that it does not have. `Partial` leaves that as the only fault.
export const FAULTS: readonly unknown[] = [
  // @ts-expect-error HandleVaultOptions
  { notAnOption: 1 } satisfies Partial<HandleVaultOptions>,
  // @ts-expect-error SealOptions
  { notAnOption: 1 } satisfies Partial<SealOptions>,
  // @ts-expect-error SealRequest
  { notAnOption: 1 } satisfies Partial<SealRequest>,
  // @ts-expect-error UnsealRequest
  { notAnOption: 1 } satisfies Partial<UnsealRequest>,
  // @ts-expect-error UnsealOptions
  { notAnOption: 1 } satisfies UnsealOptions,
  // @ts-expect-error CallOptions
  { notAnOption: 1 } satisfies CallOptions,
  // @ts-expect-error ChangeOptions
  { notAnOption: 1 } satisfies Partial<ChangeOptions>,
  // @ts-expect-error LeakGuardOptions
  { notAnOption: 1 } satisfies Partial<LeakGuardOptions>,
  // @ts-expect-error RewrapOptions
  { notAnOption: 1 } satisfies RewrapOptions,
  // @ts-expect-error KeyRingOptions
  { notAnOption: 1 } satisfies Partial<KeyRingOptions>,
  // @ts-expect-error KeyFileOptions
  { notAnOption: 1 } satisfies KeyFileOptions,
  // @ts-expect-error PassphraseOptions
  { notAnOption: 1 } satisfies Partial<PassphraseOptions>,
  // @ts-expect-error MemoryCacheOptions
  { notAnOption: 1 } satisfies MemoryCacheOptions,
  // @ts-expect-error VaultCodecOptions
  { notAnOption: 1 } satisfies VaultCodecOptions,
  // @ts-expect-error Aes256GcmOptions
  { notAnOption: 1 } satisfies Partial<Aes256GcmOptions>,
  // @ts-expect-error LevelOptions
  { notAnOption: 1 } satisfies LevelOptions,
  // @ts-expect-error TokenAuthOptions
  { notAnOption: 1 } satisfies Partial<TokenAuthOptions>,
  // @ts-expect-error JwtAuthOptions
  { notAnOption: 1 } satisfies Partial<JwtAuthOptions>,
  // @ts-expect-error MtlsAuthOptions
  { notAnOption: 1 } satisfies Partial<MtlsAuthOptions>,
  // @ts-expect-error HeaderAuthOptions
  { notAnOption: 1 } satisfies Partial<HeaderAuthOptions>,
  // @ts-expect-error ClientOptions
  { notAnOption: 1 } satisfies ClientOptions,
  // @ts-expect-error HttpClientOptions
  { notAnOption: 1 } satisfies HttpClientOptions,
  // @ts-expect-error JsonRpcClientOptions
  { notAnOption: 1 } satisfies JsonRpcClientOptions,
  // @ts-expect-error PolicyOptions
  { notAnOption: 1 } satisfies Partial<PolicyOptions>,
  // @ts-expect-error PolicyDefaults
  { notAnOption: 1 } satisfies PolicyDefaults,
  // @ts-expect-error ToolPolicy
  { notAnOption: 1 } satisfies ToolPolicy,
  // @ts-expect-error SchemaSummarizerOptions
  { notAnOption: 1 } satisfies SchemaSummarizerOptions,
  // @ts-expect-error AggregateSummarizerOptions
  { notAnOption: 1 } satisfies AggregateSummarizerOptions,
  // @ts-expect-error MaskSummarizerOptions
  { notAnOption: 1 } satisfies Partial<MaskSummarizerOptions>,
  // @ts-expect-error TruncateSummarizerOptions
  { notAnOption: 1 } satisfies Partial<TruncateSummarizerOptions>,
  // @ts-expect-error HydrateOptions
  { notAnOption: 1 } satisfies Partial<HydrateOptions>,
  // @ts-expect-error HydrateValueOptions
  { notAnOption: 1 } satisfies Partial<HydrateValueOptions>,
  // @ts-expect-error TemplateEngineOptions
  { notAnOption: 1 } satisfies TemplateEngineOptions,
  // @ts-expect-error LruCacheOptions
  { notAnOption: 1 } satisfies Partial<LruCacheOptions>,
  // @ts-expect-error SqliteCacheOptions
  { notAnOption: 1 } satisfies Partial<SqliteCacheOptions>,
  // @ts-expect-error OpenSqliteCacheOptions
  { notAnOption: 1 } satisfies Partial<OpenSqliteCacheOptions>,
  // @ts-expect-error LmdbCacheOptions
  { notAnOption: 1 } satisfies Partial<LmdbCacheOptions>,
  // @ts-expect-error OpenLmdbCacheOptions
  { notAnOption: 1 } satisfies Partial<OpenLmdbCacheOptions>,
  // @ts-expect-error RedisCacheOptions
  { notAnOption: 1 } satisfies Partial<RedisCacheOptions>,
  // @ts-expect-error FernetOptions
  { notAnOption: 1 } satisfies Partial<FernetOptions>,
  // @ts-expect-error HttpServerOptions
  { notAnOption: 1 } satisfies Partial<HttpServerOptions>,
  // @ts-expect-error HttpHandlerOptions
  { notAnOption: 1 } satisfies Partial<HttpHandlerOptions>,
  // @ts-expect-error JsonRpcServerOptions
  { notAnOption: 1 } satisfies Partial<JsonRpcServerOptions>,
  // @ts-expect-error WithVaultOptions
  { notAnOption: 1 } satisfies Partial<WithVaultOptions>,
  // @ts-expect-error VaultToolsOptions
  { notAnOption: 1 } satisfies Partial<VaultToolsOptions>,
  // @ts-expect-error HandleReuseOptions
  { notAnOption: 1 } satisfies Partial<HandleReuseOptions>,
  // @ts-expect-error GuardOptions
  { notAnOption: 1 } satisfies Partial<GuardOptions>,
  // @ts-expect-error HydrateStreamOptions
  { notAnOption: 1 } satisfies Partial<HydrateStreamOptions>,
  // @ts-expect-error HydrateServerSentEventsOptions
  { notAnOption: 1 } satisfies Partial<HydrateServerSentEventsOptions>,
  // @ts-expect-error DenyPatternsOptions
  { notAnOption: 1 } satisfies Partial<DenyPatternsOptions>,
  // @ts-expect-error SuiteOptions
  { notAnOption: 1 } satisfies Partial<SuiteOptions>,
];
