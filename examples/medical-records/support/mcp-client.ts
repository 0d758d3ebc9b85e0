/** The MCP connection of the agent and the gateway. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const TIMEOUT_MS = 5000;

/** The result of a tool. */
export interface ToolResult {
  readonly isError: boolean;
  readonly text: string;
  /** The structured content; empty for an error. */
  readonly data: Readonly<Record<string, unknown>>;
}

export class McpClient {
  readonly #client = new Client(
    { name: "medical-records-example", version: "1.0.0" },
    { versionNegotiation: { mode: "auto" } },
  );

  /** Connects over Streamable HTTP. The token is read before each request. */
  static async overHttp(url: string, token: () => Promise<string>): Promise<McpClient> {
    const client = new McpClient();
    const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      authProvider: { token },
    });
    await client.#client.connect(transport);
    return client;
  }

  /** Starts a server in a new process, and connects over its standard input and output. */
  static async overStdio(args: readonly string[]): Promise<McpClient> {
    const client = new McpClient();
    const transport = new StdioClientTransport({ command: process.execPath, args: [...args] });
    await client.#client.connect(transport);
    return client;
  }

  async call(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolResult> {
    const options = { timeout: TIMEOUT_MS };
    const result = await this.#client.callTool({ name, arguments: { ...args } }, options);
    const text = result.content
      .map((block) => (block.type === "text" ? block.text : ""))
      .join("\n");
    const data = (result.structuredContent ?? {}) as ToolResult["data"];
    return { isError: result.isError === true, text, data };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
