/** Names that examples use and do not declare, with their types. */

/** Names for all files that have no entry for the name. */
const EVERYWHERE: Readonly<Record<string, string>> = {
  args: 'import("handlevault/mcp").JsonObject',
  auth: 'import("handlevault/auth").Authenticator',
  handle: 'import("handlevault").OpaqueHandle',
  id: "string",
  keys: 'import("handlevault").KeyRing',
  ownerPrincipal: "string",
  patients: "{ id: string; born: string }[]",
  policy: 'import("handlevault/mcp").AgentPolicy',
  principal: "string",
  server: 'import("@modelcontextprotocol/server").McpServer',
  token: "string",
  toolArguments: "Record<string, unknown>",
  vault: 'import("handlevault").HandleVault',
};

/** Names in examples of agents: the model, the prompt and the user. */
const AGENT = { model: 'import("ai").LanguageModel', prompt: "string", user: "{ id: string }" };
const AI_SDK = {
  ...AGENT,
  generateText: 'typeof import("ai").generateText',
  tools: 'import("ai").ToolSet',
};
const RUN = '(args: unknown) => Promise<import("handlevault/mcp").JsonObject>';
/** Names in examples of tools: the requested call, and the function that runs it. */
const TOOL = {
  scope: 'import("handlevault/mcp").ToolScope',
  tool: RUN,
  lookup: RUN,
};
const ZOD = { z: 'typeof import("zod").z' };
const STREAM = { model: "{ textStream: ReadableStream<string> }" };
const DRILLS = {
  harness: 'import("handlevault/testing").DrillHarness',
  startOurServers: 'import("handlevault/testing").DrillHarness["open"]',
};
const KMS = { MyKms: "new () => import('handlevault').KeyProvider" };
const CACHE = { MyCache: "new (options?: object) => import('handlevault').CacheBackend" };
const TOKENS = { tokens: 'import("handlevault/auth").StaticToken[]' };
const RECORD = { record: "object" };
const RING = { ring: 'import("handlevault").KeyRing' };
const EXPRESS = { express: 'typeof import("express")' };
const HONO = {
  app: 'import("hono").Hono',
  charge: "(data: unknown) => Response",
  gatewayPrincipals: "string[]",
  Hono: 'typeof import("hono").Hono',
  showPatient: 'import("hono").Handler',
};

/** Names by file: documents first, then sources. */
const IN_FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/agents.md": {
    ...AGENT,
    ...DRILLS,
    check: RUN,
    tools: 'import("ai").ToolSet',
    transport: 'import("@modelcontextprotocol/server").Transport',
  },
  "docs/safe-views.md": {
    describe: "(data: unknown) => Promise<string>",
    order: "object",
    report: "object",
    safeView: "string",
  },
  "docs/templates.md": STREAM,
  "src/ai-sdk.ts": AI_SDK,
  "src/auth/any-of.ts": TOKENS,
  "src/cache/lru.ts": { metrics: "{ gauge(name: string, value: number): void }" },
  "src/cache/redis.ts": { Redis: 'typeof import("ioredis").Redis' },
  "src/cache/sqlite.ts": { Database: 'typeof import("better-sqlite3")' },
  "src/cache/valkey.ts": { Valkey: 'typeof import("iovalkey").Valkey' },
  "src/client.ts": RECORD,
  "src/handle-vault.ts": RING,
  "src/auth/token.ts": { readTokens: '() => Promise<import("handlevault/auth").StaticToken[]>' },
  "src/keys/key-ring.ts": RING,
  "src/transport/rest/seal-response.ts": HONO,
  "src/langchain.ts": {
    ...AGENT,
    createAgent: "(options: { model: unknown; tools: unknown[] }) => object",
    tools: 'import("@langchain/core/tools").StructuredTool[]',
  },
  "src/mcp/values/handle-reuse.ts": { subjectOf: "() => string" },
  "src/mcp/values/hydrate-arguments.ts": TOOL,
  "src/mcp/values/leftover-handles.ts": {
    toolCall: "{ args: Record<string, unknown> }",
  },
  "src/mcp/policy/marked-places.ts": ZOD,
  "src/mcp/filter/message-filter.ts": { message: "unknown" },
  "src/mcp/values/seal-tool-output.ts": TOOL,
  "src/mcp/with-vault.ts": {
    StdioServerTransport:
      'typeof import("@modelcontextprotocol/server/stdio").StdioServerTransport',
  },
  "src/summarizers/aggregate.ts": { salaries: "{ monthly: number }[]" },
  "src/template/stream/hydrate-deltas.ts": { events: "ReadableStream<{ text: string }>" },
  "src/template/stream/hydrate-stream.ts": STREAM,
  "src/template/stream/server-sent-events.ts": { response: "Response & { body: object }" },
  "src/template/render/validators.ts": ZOD,
  "src/testing/cache-backend.ts": CACHE,
  "src/testing/injection-drills.ts": DRILLS,
  "src/testing/injection-laws.ts": DRILLS,
  "src/testing/play-drill.ts": DRILLS,
  "src/transport/rest/client.ts": { readToken: "() => Promise<string>" },
  "src/transport/rest/handler.ts": HONO,
  "src/transport/rest/node.ts": EXPRESS,
  "src/transport/rest/router.ts": { ...HONO, ...EXPRESS },
  "src/transport/rest/server.ts": TOKENS,
  "src/transport/client/remote-vault.ts": {
    vault: 'import("../../dist/transport/client/remote-vault.js").RemoteVault',
  },
  "src/testing/key-provider-laws.ts": KMS,
  "src/vault/vault.ts": { ...RECORD, ...ZOD },
  "src/errors.ts": { ...RECORD, options: 'import("handlevault").SealOptions' },
};

/** Returns the type of a name in the examples of a file. */
export function typeOf(name: string, file: string): string | undefined {
  return IN_FILES[file]?.[name] ?? EVERYWHERE[name];
}

/** Returns every name that is declared for the examples of a file. */
export function namesIn(file: string): readonly string[] {
  return Object.keys({ ...EVERYWHERE, ...IN_FILES[file] });
}
