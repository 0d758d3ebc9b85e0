import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HandleVault, type Vault } from "../../src/index.js";
import {
  AgentPolicy,
  type HandleForm,
  hydrateArguments,
  sealToolOutput,
  serverPrincipal,
  type ToolPolicy,
  toolPrincipal,
  withVault,
} from "../../src/mcp.js";
import { LINES, type Servers } from "./support/lines.js";
import { checkScope, SUBJECT, sealFor } from "./support/scope.js";

/** Words that the protocol or a handle's form contains, and that data may contain too. */
const WORDS: readonly unknown[] = [
  "isError",
  "content",
  "structuredContent",
  "mimeType",
  "text/plain",
  "image/png",
  "resource",
  "resource_link",
  "annotations",
  "audience",
  "assistant",
  "jsonrpc",
  "result",
  "resultType",
  "complete",
  "handle_id",
  "safe_view",
  "expires_at",
  "handlevault.dev/rest",
  "handlevault.dev/handles",
  new Date(Date.now() + 900_000).toISOString().slice(0, 10),
  new Date(Date.now() + 900_000).toISOString().slice(0, 7),
];

const hydrate = [{ at: "/patient" }];

/** Returns the result of `pharmacy/check` under the rules, after it opened a handle to `opened`. */
async function checked(rules: ToolPolicy, opened: unknown, result: Record<string, unknown>) {
  const scope = checkScope({ hydrate, ...rules });
  const handle = await sealFor(scope.vault, opened);
  const call = await hydrateArguments({ patient: handle.id }, scope);
  if (!call.ok) throw new Error(JSON.stringify(call.refusal));
  const seen = await sealToolOutput(result, { ...scope, echoes: call.echoes });
  return { seen, handle, vault: scope.vault };
}

const OWNER = serverPrincipal("pharmacy", SUBJECT);

function formIn(value: unknown): HandleForm {
  const [id] = /hdl_[0-9a-f]{32}/.exec(JSON.stringify(value)) ?? [];
  expect(id).toBeDefined();
  return value as HandleForm;
}

describe("a result that repeats what was opened", () => {
  it.each(WORDS.map((word) => [word]))(
    "keeps its form where the opened value is %s",
    async (word) => {
      const opened = { word };
      const blocks = [
        { type: "text", text: "done", annotations: { audience: ["assistant"], priority: 1 } },
        { type: "image", data: "AAAA", mimeType: "image/png" },
        { type: "resource", resource: { uri: "a:b", text: "x", mimeType: "text/plain" } },
        { type: "resource_link", uri: "c:d", name: "x", mimeType: "text/plain" },
      ];
      const failed = { content: blocks, isError: true };
      const { seen } = await checked({ seal: "none", errors: "pass" }, opened, failed);
      expect(seen).toEqual(failed);

      const whole = await checked({}, opened, { content: blocks });
      expect(whole.seen.content.at(-1)).toMatchObject({ type: "text" });
      const form = formIn(JSON.parse(String(whole.seen.content.at(-1)?.["text"])));
      expect(Object.keys(form)).toEqual(["handle_id", "safe_view", "expires_at"]);
      expect(new Date(form.expires_at).getTime()).toBeGreaterThan(Date.now());

      const part = await checked({ seal: [{ at: "/secret" }], show: ["/count"] }, opened, {
        content: [],
        structuredContent: { count: 3, secret: "zzz", other: 1 },
      });
      const shown = part.seen.structuredContent as Record<string, unknown>;
      expect(Object.keys(shown)).toEqual(["count", "secret", "handlevault.dev/rest"]);
      expect(Object.keys(part.seen["_meta"] as object)).toEqual(["handlevault.dev/handles"]);
    },
  );

  it("is sealed as the tool returned it, whatever part a model may see", async () => {
    const secret = "123-45-6789";
    const returned = { [`for ${secret}`]: [secret, { note: `again ${secret}` }], n: 1_234_567_890 };
    const opened = { ssn: secret, n: 1_234_567_890 };
    const { seen, vault } = await checked({}, opened, {
      content: [],
      structuredContent: returned,
    });
    const { handle_id } = formIn(seen.structuredContent);
    expect(await vault.unseal(handle_id, OWNER)).toEqual(returned);
  });

  it("has no value in a safe view, neither in the result nor in the vault", async () => {
    const secret = "Ada Lovelace";
    const returned = { [secret]: 1, name: secret };
    const summarizer = { summarize: (data: unknown) => `a record: ${JSON.stringify(data)}` };
    for (const safeView of [summarizer.summarize, { summarizer }]) {
      const rules: ToolPolicy = { seal: [{ at: "", safeView }] };
      const { seen, vault, handle } = await checked(rules, secret, {
        content: [],
        structuredContent: returned,
      });
      const { handle_id, safe_view } = formIn(seen.structuredContent);
      expect(safe_view).toContain(handle.id);
      for (const view of [safe_view, await vault.getSafeView(handle_id), JSON.stringify(seen)]) {
        expect(view).not.toContain("Ada");
      }
      expect(await vault.unseal(handle_id, OWNER)).toEqual(returned);
    }
  });

  it("keeps a safe view that the policy fixes, even if it resembles a value", async () => {
    const rules: ToolPolicy = { seal: [{ at: "", safeView: { fixed: "one active record" } }] };
    const { seen } = await checked(rules, "active", { content: [{ type: "text", text: "x" }] });
    expect(JSON.stringify(seen)).toContain("one active record");
  });

  it("is sealed at a place whose name repeats a value", async () => {
    const secret = "078-05-1120";
    const { seen, vault } = await checked({ seal: [{ at: `/${secret}/diagnosis` }] }, secret, {
      content: [],
      structuredContent: { [secret]: { diagnosis: "flu", seen: secret } },
    });
    const text = JSON.stringify(seen);
    expect(text).not.toContain(secret);
    const [member] = Object.values(seen.structuredContent as object) as { diagnosis: HandleForm }[];
    expect(await vault.unseal(String(member?.diagnosis.handle_id), OWNER)).toBe("flu");
  });

  it("is shown without bytes and names that cannot contain a handle, and says so", async () => {
    const secret = "a secret of Ada's";
    const data = Buffer.from(`PNG ${secret}`).toString("base64");
    const { seen, handle } = await checked({ seal: "none" }, secret, {
      content: [
        { type: "image", data, mimeType: "image/png" },
        { type: "resource", resource: { uri: "a:b", blob: data } },
        { type: "text", text: "x", [secret]: 1, _meta: { note: secret } },
        { type: "text", text: "x", annotations: { audience: ["user", secret], note: secret } },
        { type: "image", data: "AAAA", mimeType: `image/${secret}` },
        secret,
      ],
    });
    expect(JSON.stringify(seen)).not.toMatch(/Ada/);
    expect(seen.content).toMatchObject([
      { type: "text", text: expect.stringMatching(/^Withheld/) },
      { type: "text", text: expect.stringMatching(/^Withheld/) },
      { type: "text", text: "x", [handle.id]: 1, _meta: { note: handle.id } },
      { type: "text", text: "x", annotations: {} },
      { type: "image", mimeType: `image/${handle.id}` },
      { type: "text", text: JSON.stringify(handle.id) },
    ]);
  });

  it("is withheld as executed if it is too large to search", async () => {
    const text = "x".repeat(2 ** 22 + 1);
    const { seen } = await checked({ seal: "none" }, "a secret", {
      content: [{ type: "text", text }],
    });
    expect(seen).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^Executed, but .* too large/) }],
    });
  });
});

describe("a call that opens too much to search for", () => {
  it("is refused before the tool runs", async () => {
    const scope = checkScope({ hydrate, seal: "none" });
    const value = Array.from({ length: 60_000 }, (_, index) => `${index * 7919} of many values`);
    const { id } = await sealFor(scope.vault, value);
    expect(await hydrateArguments({ patient: id }, scope)).toMatchObject({
      ok: false,
      refusal: { content: [{ text: expect.stringMatching(/^Not executed: .* more than/) }] },
    });
  });
});

const POLICY = new AgentPolicy({
  servers: {
    desk: {
      tools: {
        show: { seal: "none", hydrate: [{ at: "/value" }], errors: "pass" },
        keep: { hydrate: [{ at: "/value" }] },
      },
    },
  },
});
const INFO = { name: "desk", version: "1.0.0" };
const INPUT = { inputSchema: z.object({ value: z.string() }) };

function everyKind({ value }: { value: string }) {
  return {
    content: [
      { type: "text" as const, text: `got ${value}` },
      { type: "image" as const, data: "AAAA", mimeType: "image/png" },
      { type: "resource_link" as const, uri: "c:d", name: "a link", mimeType: "text/plain" },
      {
        type: "resource" as const,
        resource: { uri: "a:b", text: value, mimeType: "text/plain" },
      },
    ],
    isError: true,
  };
}

function desk(vault: Vault): Servers {
  const options = { vault, policy: POLICY, server: "desk", subjectOf: () => SUBJECT };
  const wrap = <Server extends McpServerV1 | McpServerV2>(server: Server): Server => {
    for (const name of ["show", "keep"]) {
      (server as McpServerV1).registerTool(name, INPUT, everyKind);
    }
    return withVault(server, { ...options, onWarning: () => undefined });
  };
  return { v1: () => wrap(new McpServerV1(INFO)), v2: () => wrap(new McpServerV2(INFO)) };
}

describe.each(Object.entries(LINES))("over %s", (_, connect) => {
  it("a client can read results after words of the protocol were opened", async () => {
    const vault = new HandleVault();
    const line = await connect(desk(vault));
    for (const word of WORDS.map(String)) {
      const { id } = await vault.seal(word, {
        ownerPrincipal: "owner",
        grantedPrincipals: ["show", "keep"].map((tool) =>
          toolPrincipal({ server: "desk", tool }, SUBJECT),
        ),
        safeView: "a word",
      });
      const shown = await line.client.callTool({ name: "show", arguments: { value: id } });
      expect(shown).toMatchObject({
        isError: true,
        content: [
          { type: "text", text: `got ${id}` },
          { type: "image", mimeType: "image/png" },
          { type: "resource_link", name: "a link", mimeType: "text/plain" },
          { type: "resource", resource: { text: id, mimeType: "text/plain" } },
        ],
      });
      const kept = await line.client.callTool({ name: "keep", arguments: { value: id } });
      expect(kept).toMatchObject({ isError: true, content: [{ type: "text" }, { type: "text" }] });
    }
    await line.close();
  });
});
