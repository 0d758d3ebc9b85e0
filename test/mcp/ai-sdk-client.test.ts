import { createMCPClient, type MCPClient } from "@ai-sdk/mcp";
import { describe, expect, it } from "vitest";
import { BARE, sealedServers } from "./support/leaky-sdk-servers.js";
import { leaksIn, TOOL_NAMES } from "./support/leaky-server.js";
import { openHttp, openStdio, type Servers } from "./support/lines.js";

interface Line {
  readonly client: MCPClient;
  received(): string;
  close(): Promise<void>;
}

function overStdio(server: keyof Servers) {
  return async (servers: Servers): Promise<Line> => {
    const { transport, received } = await openStdio(servers, server);
    const client = await createMCPClient({ transport: transport as never });
    return { client, received, close: () => client.close() };
  };
}

function overHttp(server: keyof Servers) {
  return async (servers: Servers): Promise<Line> => {
    const { url, fetch, received, close } = await openHttp(servers, server);
    const transport = { type: "http", url: url.href, fetch } as const;
    const client = await createMCPClient({ transport });
    return {
      client,
      received,
      async close() {
        await client.close();
        await close();
      },
    };
  };
}

const LINES: Readonly<Record<string, (servers: Servers) => Promise<Line>>> = {
  "stdio to server 1": overStdio("v1"),
  "stdio to server 2": overStdio("v2"),
  "HTTP to server 1": overHttp("v1"),
  "HTTP to server 2": overHttp("v2"),
};

/** Calls every tool as a model would, and reads what else there is. */
async function askForEverything(client: MCPClient): Promise<readonly unknown[]> {
  const tools = await client.tools();
  const call = { toolCallId: "1", messages: [] };
  const answers: unknown[] = [client.serverInfo, client.instructions];
  for (const name of TOOL_NAMES) {
    // A call that asks the client for something is refused by this client, or by the filter.
    answers.push(await Promise.resolve(tools[name]?.execute({}, call)).catch(String));
  }
  answers.push(await client.listResources().catch(String));
  answers.push(await client.readResource({ uri: "x://1" }).catch(String));
  answers.push(await client.experimental_getPrompt({ name: "p" }).catch(String));
  return answers;
}

describe.each(Object.entries(LINES))("the client of the AI SDK, over %s", (_, connect) => {
  it("gets handles, and no secret of any carrier", async () => {
    const line = await connect(sealedServers());
    const answers = await askForEverything(line.client);
    await line.close();
    const received = line.received() + JSON.stringify(answers);
    expect(leaksIn(received)).toEqual([]);
    expect(JSON.stringify(answers)).toMatch(/hdl_[0-9a-f]{32}/);
  });

  it("gets the secrets of a bare server", async () => {
    const line = await connect(BARE);
    await askForEverything(line.client);
    await line.close();
    expect(leaksIn(line.received())).toEqual(
      expect.arrayContaining(["text", "structured", "error-result", "resource-text", "prompt"]),
    );
  });
});
