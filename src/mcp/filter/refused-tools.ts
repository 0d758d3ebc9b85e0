/** Tools that do not match their rules. They are neither listed nor called. */
import type { AgentPolicy } from "../policy/policy.js";
import type { ToolList } from "./tool-list.js";

/** The refused tools of one server, shared by all of its connections. */
export class RefusedTools {
  readonly #server: string;
  readonly #problems = new Map<string, string>();
  /** Whether a complete survey at a start found that all tools match their rules. */
  isSurveyed = false;

  constructor(server: string) {
    this.#server = server;
  }

  has(tool: string): boolean {
    return this.#problems.has(tool);
  }

  /** Updates the refused tools from a server's list, and warns of each new problem. */
  learn({ tools, refused }: ToolList, onWarning?: (text: string) => void): void {
    for (const { name } of tools) this.#problems.delete(String(name));
    for (const [tool, problem] of refused) {
      if (this.#problems.get(tool) === problem) continue;
      this.#problems.set(tool, problem);
      onWarning?.(`The tool ${this.#server}/${tool} is refused: ${problem}.`);
    }
  }
}

/** Keyed by policy, because a server over HTTP may be created for each request. */
const known = new WeakMap<AgentPolicy, Map<string, RefusedTools>>();

/** Returns the refused tools of a server under a policy. */
export function refusedTools(policy: AgentPolicy, server: string): RefusedTools {
  const servers = known.get(policy) ?? new Map<string, RefusedTools>();
  known.set(policy, servers);
  const refused = servers.get(server) ?? new RefusedTools(server);
  servers.set(server, refused);
  return refused;
}
