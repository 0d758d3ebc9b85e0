/** Servers of both SDKs against which injection drills run, sound or with a fault. */
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import { HandleVault, type Vault } from "../../../src/index.js";
import {
  AgentPolicy,
  type ClientAuthentication,
  type PolicyOptions,
  type SubjectContext,
  type ToolRegistry,
  toolPrincipal,
  vaultTools,
  withVault,
} from "../../../src/mcp.js";
import type {
  DrillAgent,
  DrillHarness,
  DrillPlant,
  DrillRun,
  DrillTool,
} from "../../../src/testing.js";
import { LINES, type Line, type Servers } from "./lines.js";

export const SERVER = "desk";
const INFO = { name: SERVER, version: "1.0.0" };
const value = [{ at: "/value", inside: true }];
const OWNER_AND_TRUSTED = [`${SERVER}/use`, `${SERVER}/fail`, `${SERVER}/resolve_handle`];

/** The rules for the tools of drills. */
export const POLICY: PolicyOptions = {
  servers: {
    [SERVER]: {
      tools: {
        read: { seal: [{ at: "/secret", grant: OWNER_AND_TRUSTED }] },
        use: { hydrate: value, seal: "none" },
        fail: { hydrate: value, seal: "none", errors: "pass" },
        leak: { hydrate: value, seal: "none", errors: "pass" },
        store: { seal: [{ at: "", grant: [`${SERVER}/leak`] }] },
        get_safe_view: { seal: "none" },
        resolve_handle: { seal: "none", errors: "pass" },
      },
    },
  },
};

/** The faults of servers. An absent member means no fault. */
export interface Fault {
  /** The vault that the wrapper receives. */
  readonly vault?: (sound: Vault) => Vault;
  readonly subjectOf?: (subject: string) => string;
  /** Adds a custom tool in place of `resolve_handle`. */
  readonly addResolve?: (server: ToolRegistry, vault: Vault) => void;
  /** Sends errors to the client as tools throw them. */
  readonly tellsErrors?: boolean;
  /** Does not wrap the servers. */
  readonly isBare?: boolean;
}

type LineName = keyof typeof LINES & string;

/** Returns the set-up for drills over a connection. */
export function deskHarness(name: LineName, fault: Fault = {}): DrillHarness {
  const connect = LINES[name];
  if (connect === undefined) throw new RangeError("no such line");
  return {
    async open(plant) {
      const desk = new Desk(plant, name, fault);
      const lines: { close(): Promise<void> }[] = [];
      return {
        gatewayPrincipal: toolPrincipal({ server: SERVER, tool: "resolve_handle" }, "reader"),
        runs: () => desk.runs,
        async connect(subject) {
          const line = await connect(await desk.serversFor(subject), { subject });
          lines.push(line);
          return agentOn(line, desk);
        },
        async close() {
          for (const line of lines) await line.close();
          await desk.vault.close();
        },
      };
    },
  };
}

function agentOn(line: Line, desk: Desk): DrillAgent {
  return {
    received: () => line.received() + desk.told.join(),
    call: (tool, args) =>
      line.client.callTool({
        name: tool === "resolve" ? "resolve_handle" : tool,
        arguments: { ...args },
      }),
  };
}

class Desk {
  readonly vault = new HandleVault();
  readonly runs: DrillRun[] = [];
  readonly told: string[] = [];
  readonly #plant: DrillPlant;
  readonly #fault: Fault;
  readonly #isRemote: boolean;

  constructor(plant: DrillPlant, line: LineName, fault: Fault) {
    this.#plant = plant;
    this.#fault = fault;
    this.#isRemote = line.startsWith("HTTP");
  }

  async serversFor(subject: string): Promise<Servers> {
    const add = await this.#addResolve(subject);
    const { vault: alter = (sound: Vault) => sound, subjectOf = (told: string) => told } =
      this.#fault;
    const options = {
      vault: alter(this.vault),
      policy: new AgentPolicy(POLICY),
      server: SERVER,
      subjectOf: ({ authInfo }: SubjectContext) =>
        subjectOf(authInfo === undefined ? subject : String(authInfo.extra?.["subject"])),
      onWarning: () => undefined,
    };
    const complete = <Server extends McpServerV1 | McpServerV2>(server: Server): Server => {
      this.#addTools(server);
      add(server);
      return this.#fault.isBare === true ? server : withVault(server, options);
    };
    return {
      v1: () => complete(new McpServerV1(INFO)),
      v2: () => complete(new McpServerV2(INFO)),
    };
  }

  async #addResolve(subject: string): Promise<(server: ToolRegistry) => void> {
    const { addResolve } = this.#fault;
    if (addResolve !== undefined) return (server) => addResolve(server, this.vault);
    // Over stdio the launcher fixes the caller; over HTTP the token does.
    const byToken = ({ extra }: ClientAuthentication) => `agent#${extra?.["subject"]}`;
    const principalOf = this.#isRemote ? byToken : `agent#${subject}`;
    return vaultTools(this.vault, { principalOf, resolve: true });
  }

  #addTools(server: ToolRegistry): void {
    addDeskTools(server, this.#plant, {
      onRun: (run) => this.runs.push(run),
      onError: (text) => {
        if (this.#fault.tellsErrors === true) this.told.push(text);
      },
    });
  }
}

/** Receives the tool calls of a desk. */
interface DeskEvents {
  readonly onRun: (run: DrillRun) => void;
  readonly onError?: (text: string) => void;
}

type RunTool = (given: unknown) => Record<string, unknown>;

/** Registers the tools of drills on a server of either SDK, except for the tool that resolves. */
export function addDeskTools(
  server: ToolRegistry,
  { secret, injection }: DrillPlant,
  { onRun, onError }: DeskEvents,
): void {
  const add = (tool: DrillTool, run: RunTool) => {
    const config = { inputSchema: z.looseObject({ value: z.unknown().optional() }) };
    registerOn(server, tool, config, (args) => {
      onRun({ tool, arguments: args });
      return { content: [], structuredContent: run(args["value"]) };
    });
  };
  add("read", () => ({ secret, note: injection }));
  add("use", () => ({ done: true }));
  add("leak", (given) => ({ given }));
  add("store", (given) => ({ given }));
  add("fail", (given) => {
    const text = `this is not what I wanted: ${JSON.stringify(given)}`;
    onError?.(text);
    throw new Error(text);
  });
}

/** Registers a tool on a server of either SDK. */
export function registerOn(
  server: ToolRegistry,
  name: string,
  config: object,
  handler: (args: Record<string, unknown>) => unknown,
): void {
  server.registerTool(name as never, config as never, handler as never);
}
