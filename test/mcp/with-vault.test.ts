import { once } from "node:events";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, type HandleForm, type SubjectContext, withVault } from "../../src/mcp.js";
import { type AnyClient, LINES, type Line, type Servers } from "./support/lines.js";

const SSN = "123-45-6789";
const INFO = { name: "records", version: "1.0.0" };

const POLICY = new AgentPolicy({
  defaults: { texts: "pass" },
  servers: {
    records: {
      tools: {
        lookup: { seal: [{ at: "/ssn", safeView: { fixed: "a number" }, grant: ["records/use"] }] },
        use: { seal: "none", hydrate: [{ at: "/ssn" }], errors: "pass" },
      },
    },
  },
});

const LOOKUP = {
  description: "Looks up a patient.",
  inputSchema: z.object({ name: z.string() }),
  outputSchema: z.object({ name: z.string(), ssn: z.string() }),
};
/** A schema that rejects every handle, which shows that the server validates opened values. */
const USE = { inputSchema: z.object({ ssn: z.string().regex(/^[\d-]+$/) }) };

function lookup({ name }: { name: string }) {
  const record = { name, ssn: SSN };
  return { content: [{ type: "text" as const, text: SSN }], structuredContent: record };
}

function use({ ssn }: { ssn: string }) {
  return { content: [{ type: "text" as const, text: `used ${ssn}, ${ssn.length} digits` }] };
}

/** Servers of one vault, for the subject from the transport or a fixed one. */
function servers(vault: HandleVault, seen: SubjectContext[] = []): Servers {
  const options = {
    vault,
    policy: POLICY,
    server: "records",
    subjectOf(context: SubjectContext) {
      seen.push(context);
      return String(context.authInfo?.extra?.["subject"] ?? "launcher");
    },
    onWarning: () => undefined,
  };
  return {
    v1() {
      const server = new McpServerV1(INFO);
      server.registerTool("lookup", LOOKUP, lookup);
      server.registerTool("use", USE, use);
      return withVault(server, options);
    },
    v2() {
      const server = new McpServerV2(INFO);
      server.registerTool("lookup", LOOKUP, lookup);
      server.registerTool("use", USE, use);
      return withVault(server, options);
    },
  };
}

interface Answer {
  readonly structuredContent?: { readonly ssn: HandleForm };
  readonly content: readonly { readonly text: string }[];
  readonly isError?: boolean;
}

async function call(client: AnyClient, name: string, args: Record<string, unknown>) {
  return (await client.callTool({ name, arguments: args })) as unknown as Answer;
}

async function handleFrom({ client }: Line): Promise<string> {
  const answer = await call(client, "lookup", { name: "Ada" });
  return String(answer.structuredContent?.ssn.handle_id);
}

describe.each(Object.entries(LINES))("over %s", (name, connect) => {
  it("a client uses a value that it never sees", async () => {
    const line = await connect(servers(new HandleVault()));
    const { tools } = await line.client.listTools();
    expect(tools.map((tool) => tool.description)).toEqual([
      expect.stringMatching(/^Looks up a patient\. Handles in its result .* 900 seconds\.$/),
      expect.stringContaining("may be a handle"),
    ]);
    const handle = await handleFrom(line);
    const used = await call(line.client, "use", { ssn: handle });
    expect(used).toMatchObject({ content: [{ text: `used ${handle}, 11 digits` }] });
    expect(used.isError).toBeUndefined();
    await line.close();
    expect(line.received()).not.toContain(SSN);
  });

  it("a handle that cannot be opened results in a tool error that a model can act on", async () => {
    const line = await connect(servers(new HandleVault()));
    const used = await call(line.client, "use", { ssn: `hdl_${"0".repeat(32)}` });
    await line.close();
    expect(used).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^Not executed: a handle/) }],
    });
  });

  it("a hundred concurrent calls receive their own results", async () => {
    const line = await connect(servers(new HandleVault()));
    const names = Array.from({ length: 100 }, (_, index) => `patient ${index}`);
    const answers = await Promise.all(
      names.map((one) => call(line.client, "lookup", { name: one })),
    );
    await line.close();
    expect(answers.map(({ structuredContent }) => structuredContent)).toMatchObject(
      names.map((one) => ({ name: one })),
    );
  });

  it("the subject comes from the transport, and its handles open for no other subject", async () => {
    const vault = new HandleVault();
    const seen: SubjectContext[] = [];
    const alice = await connect(servers(vault, seen), { subject: "alice" });
    const handle = await handleFrom(alice);
    const bob = await connect(servers(vault, seen), { subject: "bob" });
    const used = await call(bob.client, "use", { ssn: handle });
    await alice.close();
    await bob.close();
    const isAuthenticated = name.startsWith("HTTP");
    expect(used.isError ?? false).toBe(isAuthenticated);
    for (const context of seen) {
      expect(Object.keys(context)).toEqual(isAuthenticated ? ["authInfo"] : []);
    }
    const owner = `mcp-server:records#${isAuthenticated ? "alice" : "launcher"}`;
    expect(await vault.unseal(handle, owner)).toBe(SSN);
  });
});

describe("withVault", () => {
  const options = {
    vault: new HandleVault(),
    policy: new AgentPolicy({ servers: { records: { tools: { lookup: {} } } } }),
    server: "records",
    subjectOf: () => "alice",
    onWarning: () => undefined,
  };
  const bare = () => new Server(INFO, { capabilities: {} });

  it("returns the given server", () => {
    const server = bare();
    expect(withVault(server, options)).toBe(server);
  });

  it("reports the policy's warnings once for any number of servers", () => {
    const warnings: string[] = [];
    const policy = new AgentPolicy({ servers: { records: { tools: { lookup: {} } } } });
    const told = { ...options, policy, onWarning: (text: string) => void warnings.push(text) };
    withVault(bare(), told);
    withVault(bare(), told);
    expect(warnings).toEqual([expect.stringContaining("records/lookup")]);
  });

  it("reports warnings to the process without onWarning", async () => {
    const policy = new AgentPolicy({ servers: { records: { tools: { lookup: {} } } } });
    const warned = once(process, "warning");
    const { onWarning: _, ...rest } = options;
    withVault(bare(), { ...rest, policy });
    const [warning] = await warned;
    expect(String(warning)).toContain("records/lookup");
  });

  it("refuses a server that it has wrapped, also inside an McpServer", () => {
    const server = new McpServerV1(INFO);
    withVault(server, options);
    expect(() => withVault(server, options)).toThrow("wrapped already");
    expect(() => withVault(server.server, options)).toThrow("wrapped already");
  });

  it("refuses a server that is connected", async () => {
    const server = bare();
    const [transport] = InMemoryTransport.createLinkedPair();
    await server.connect(transport);
    expect(() => withVault(server, options)).toThrow("connected already");
    await server.close();
  });

  it("answers a client that connects while the server is asked for its tools", async () => {
    const rules = { use: { seal: "none" as const, hydrate: [{ at: "/value" }] } };
    const policy = new AgentPolicy({ servers: { records: { tools: rules } } });
    const server = new McpServerV1(INFO);
    server.registerTool("use", { inputSchema: { value: z.string() } }, () => ({ content: [] }));
    withVault(server, { ...options, policy });
    const [near, far] = InMemoryTransport.createLinkedPair();
    const received = new Promise((resolve) => {
      far.onmessage = resolve;
    });
    await far.start();
    const connecting = server.connect(near);
    await far.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    expect(await received).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    await connecting;
    await server.close();
  });

  it("refuses a transport that has been connected before", async () => {
    const [transport] = InMemoryTransport.createLinkedPair();
    const first = withVault(bare(), options);
    await first.connect(transport);
    await first.close();
    await expect(withVault(bare(), options).connect(transport)).rejects.toThrow("before");
  });

  it("works again on a new connection of the same server", async () => {
    const server = withVault(bare(), options);
    for (let round = 0; round < 2; round += 1) {
      const [near, far] = InMemoryTransport.createLinkedPair();
      const received = new Promise((resolve) => {
        far.onmessage = resolve;
      });
      await server.connect(near);
      await far.start();
      await far.send({ jsonrpc: "2.0", id: "mine", method: "ping" });
      expect(await received).toEqual({ jsonrpc: "2.0", id: "mine", result: {} });
      await server.close();
    }
  });

  it.each([
    [undefined],
    [{ ...options, vault: {} }],
    [{ ...options, policy: { servers: {} } }],
    [{ ...options, server: 5 }],
    [{ ...options, subjectOf: "alice" }],
    [{ ...options, subject: "alice" }],
  ])("refuses wrong options: case %#", (given) => {
    expect(() => withVault(bare(), given as never)).toThrow(TypeError);
  });

  it.each([[undefined], [{}], ["server"]])("refuses a value that is not a server: %j", (server) => {
    expect(() => withVault(server as never, options)).toThrow(TypeError);
  });
});
