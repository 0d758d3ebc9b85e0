/** One filtered connection whose server is played by the test. */
import { HandleVault, type Vault } from "../../../src/index.js";
import {
  AgentPolicy,
  type JsonObject,
  MessageFilter,
  type Passage,
  type PolicyOptions,
  type RequestId,
  type RequestMessage,
} from "../../../src/mcp.js";

interface ConnectionOptions {
  readonly policy?: PolicyOptions;
  readonly vault?: Vault;
  readonly subject?: () => string | Promise<string>;
}

/** A policy with a tool of each kind. */
export const POLICY: PolicyOptions = {
  servers: {
    records: {
      tools: {
        lookup: { seal: [{ at: "", safeView: { fixed: "a patient" }, grant: ["records/use"] }] },
        use: { seal: "none", hydrate: [{ at: "/value" }], errors: "pass" },
        open: { seal: "none", errors: "pass" },
      },
    },
  },
};

export class Connection {
  readonly vault: Vault;
  readonly filter: MessageFilter;
  readonly warnings: string[] = [];
  readonly #subject: () => string | Promise<string>;

  constructor(options: ConnectionOptions = {}) {
    const { policy = POLICY, vault = new HandleVault(), subject = () => "alice" } = options;
    this.vault = vault;
    this.#subject = subject;
    this.filter = new MessageFilter({
      vault,
      policy: new AgentPolicy(policy),
      server: "records",
      onWarning: (text) => this.warnings.push(text),
    });
  }

  /** The client sends a message. */
  async client(message: unknown): Promise<Passage> {
    return this.filter.fromClient(message, { subject: this.#subject });
  }

  /** The server sends a message. */
  async server(message: unknown, relatedRequestId?: unknown): Promise<Passage> {
    return this.filter.fromServer(message, { relatedRequestId });
  }

  /** The client sends a request that reaches the server, as the server gets it. */
  async request(
    method: string,
    params: JsonObject = {},
    id: RequestId = 1,
  ): Promise<RequestMessage> {
    const { forward, reply } = await this.client({ jsonrpc: "2.0", id, method, params });
    if (forward === undefined) throw new Error(`refused: ${JSON.stringify(reply)}`);
    return forward as RequestMessage;
  }

  /** The client calls a tool, and the call reaches the server. */
  async call(name: string, args: JsonObject = {}, id: RequestId = 1): Promise<RequestMessage> {
    return this.request("tools/call", { name, arguments: args }, id);
  }

  /** The server answers a request; returns what the client gets. */
  async answer({ id }: RequestMessage, result: JsonObject): Promise<unknown> {
    return (await this.server({ jsonrpc: "2.0", id, result })).forward;
  }
}

/** Returns the result that a tool with one text gives. */
export function saying(text: string): JsonObject {
  return { content: [{ type: "text", text }] };
}
