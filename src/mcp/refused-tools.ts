/** The tools that do not fit their rules: they are neither listed nor called. */
import type { AgentPolicy } from "./policy.js";
import type { ToolList } from "./tool-list.js";

/** What is known of one server's tools, on all of its connections. */
export class RefusedTools {
  readonly #server: string;
  readonly #problems = new Map<string, string>();
  /** Whether all that the server had at a start is known to fit. */
  isSurveyed = false;

  constructor(server: string) {
    this.#server = server;
  }

  has(tool: string): boolean {
    return this.#problems.has(tool);
  }

  /** Takes in what a server lists, and tells what is new about tools that are refused. */
  learn({ tools, refused }: ToolList, onWarning?: (text: string) => void): void {
    for (const { name } of tools) this.#problems.delete(String(name));
    for (const [tool, problem] of refused) {
      if (this.#problems.get(tool) === problem) continue;
      this.#problems.set(tool, problem);
      onWarning?.(`The tool ${this.#server}/${tool} is refused: ${problem}.`);
    }
  }
}

/** By policy, because servers over HTTP come and go with every request. */
const known = new WeakMap<AgentPolicy, Map<string, RefusedTools>>();

/** Returns what is known of the tools of a server under a policy. */
export function refusedTools(policy: AgentPolicy, server: string): RefusedTools {
  const servers = known.get(policy) ?? new Map<string, RefusedTools>();
  known.set(policy, servers);
  const refused = servers.get(server) ?? new RefusedTools(server);
  servers.set(server, refused);
  return refused;
}
