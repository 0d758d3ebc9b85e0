/** The one connection that the HTTP gateway keeps to the patient-records server. */
import { McpClient, type ToolAnswer } from "../support/mcp-client.js";

/** The patient-records server does not answer. */
export class RecordsUnavailableError extends Error {
  override readonly name = "RecordsUnavailableError";
}

/** Connects when it is first needed, and again after it was lost. */
export class RecordsSession {
  readonly #connect: () => Promise<McpClient>;
  #client: Promise<McpClient> | undefined;

  constructor(url: string, token: () => Promise<string>) {
    this.#connect = () => McpClient.overHttp(url, token);
  }

  /** @throws RecordsUnavailableError The server does not answer. */
  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer> {
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
    // Revision 2026-07-28 has no ping of its own: that a tool answers, if only with an error, will do.
    await this.call("get_safe_view", { handle_id: "" });
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.then((open) => open.close()).catch(() => undefined);
  }
}
