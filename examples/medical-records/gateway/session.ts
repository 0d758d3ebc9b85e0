/** The connection of the HTTP gateway to the patient-records server. */
import { McpClient, type ToolResult } from "../support/mcp-client.js";

/** The patient-records server does not respond. */
export class RecordsUnavailableError extends Error {
  override readonly name = "RecordsUnavailableError";
}

/** Connects at the first use, and again after the connection was lost. */
export class RecordsSession {
  readonly #connect: () => Promise<McpClient>;
  #client: Promise<McpClient> | undefined;

  constructor(url: string, token: () => Promise<string>) {
    this.#connect = () => McpClient.overHttp(url, token);
  }

  /** @throws RecordsUnavailableError The server does not answer. */
  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolResult> {
    this.#client ??= this.#connect();
    const current = this.#client;
    try {
      return await (await current).call(tool, args);
    } catch (cause) {
      if (this.#client === current) await this.close();
      throw new RecordsUnavailableError("patient records are unavailable", { cause });
    }
  }

  /** @throws RecordsUnavailableError The server does not answer. */
  async ping(): Promise<void> {
    // Revision 2026-07-28 has no ping. Any response of a tool, even an error, shows that the server runs.
    await this.call("get_safe_view", { handle_id: "" });
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.then((open) => open.close()).catch(() => undefined);
  }
}
