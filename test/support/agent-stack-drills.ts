/** Runs injection drills on the tools of an agent framework. */
import { z } from "zod";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, toolPrincipal } from "../../src/mcp.js";
import type { DrillHarness, DrillPlant, DrillRun, DrillTool } from "../../src/testing.js";
import { POLICY, SERVER } from "../mcp/support/drill-desk.js";
import type { AgentStack, PlainTool } from "./agent-stack-laws.js";

const AGENT = "agent";
const schema = z.looseObject({ value: z.unknown().optional() });

/** Returns a drill harness: the tools of a framework, and all text that an agent reads from them. */
export function stackHarness(stack: AgentStack): DrillHarness {
  return {
    async open(plant) {
      const vault = new HandleVault();
      const runs: DrillRun[] = [];
      const tools = drillTools(plant, { vault, runs });
      return {
        gatewayPrincipal: toolPrincipal({ server: SERVER, tool: "resolve_handle" }, "reader"),
        runs: () => runs,
        close: () => vault.close(),
        async connect(subject) {
          const policy = new AgentPolicy(POLICY);
          const wrapped = await stack(tools, {
            vault,
            policy,
            server: SERVER,
            subjectOf: () => subject,
          });
          const read: string[] = [];
          return {
            received: () => read.join("\n"),
            async call(tool, args) {
              const name = tool === "resolve" ? "resolve_handle" : tool;
              const text = await wrapped.call(name, { ...args }).catch(String);
              read.push(text);
              return text;
            },
          };
        },
      };
    },
  };
}

interface Desk {
  readonly vault: HandleVault;
  readonly runs: DrillRun[];
}

function drillTools({ secret, injection }: DrillPlant, { vault, runs }: Desk): PlainTool[] {
  const add = (tool: DrillTool, run: (given: unknown) => unknown): PlainTool => ({
    name: tool,
    description: `Does ${tool}.`,
    schema,
    run(args) {
      runs.push({ tool, arguments: args });
      return run(args["value"]);
    },
  });
  return [
    add("read", () => ({ secret, note: injection })),
    add("use", () => ({ done: true })),
    add("leak", (given) => ({ given })),
    add("store", (given) => ({ given })),
    add("fail", (given) => {
      throw new Error(`this is not what I wanted: ${JSON.stringify(given)}`);
    }),
    {
      name: "resolve_handle",
      description: "Opens a handle for the agent itself.",
      schema: z.looseObject({ handle_id: z.string() }),
      run: ({ handle_id: id }) => vault.unseal(String(id), AGENT),
    },
  ];
}
