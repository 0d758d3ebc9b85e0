/** A filtered connection on which the test acts as client and server. */
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

  /** Sends a message of the client. */
  async client(message: unknown): Promise<Passage> {
    return this.filter.fromClient(message, { subject: this.#subject });
  }

  /** Sends a message of the server. */
  async server(message: unknown, relatedRequestId?: unknown): Promise<Passage> {
    return this.filter.fromServer(message, { relatedRequestId });
  }

  /**
   * Sends a client's request that must reach the server, and returns it as the server receives it.
   */
  async request(
    method: string,
    params: JsonObject = {},
    id: RequestId = 1,
  ): Promise<RequestMessage> {
    const { forward, reply } = await this.client({ jsonrpc: "2.0", id, method, params });
    if (forward === undefined) throw new Error(`refused: ${JSON.stringify(reply)}`);
    return forward as RequestMessage;
  }

  /** Sends a client's tool call that must reach the server. */
  async call(name: string, args: JsonObject = {}, id: RequestId = 1): Promise<RequestMessage> {
    return this.request("tools/call", { name, arguments: args }, id);
  }

  /** Sends the server's response to a request, and returns the message for the client. */
  async answer({ id }: RequestMessage, result: JsonObject): Promise<unknown> {
    return (await this.server({ jsonrpc: "2.0", id, result })).forward;
  }
}

/** Returns a tool result with one text. */
export function saying(text: string): JsonObject {
  return { content: [{ type: "text", text }] };
}
