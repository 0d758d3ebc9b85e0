/** Runs injection drills on the proxy, over stdio and over HTTP. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { toolPrincipal } from "../../src/mcp.js";
import {
  type DrillAgent,
  type DrillHarness,
  type DrillRun,
  describeInjectionDrills,
  injectionDrills,
  playDrill,
} from "../../src/testing.js";
import { POLICY, SERVER } from "../mcp/support/drill-desk.js";
import type { AnyClient } from "../mcp/support/lines.js";
import { connectOverHttp, RunningProxy } from "./support/http.js";
import { fileOf, keyFile, newPath } from "./support/policies.js";
import { script } from "./support/proxy-process.js";

type Environment = Readonly<Record<string, string>>;

/** The transport between an agent and the server. */
interface Front {
  connect(subject: string): Promise<DrillAgent>;
  close(): Promise<unknown>;
}
type OpenFront = (args: readonly string[], environment: Environment) => Front;

const TOKENS = { reader: "reader".repeat(8), other: "other".repeat(8) } as const;

/** One proxy for each subject, which the launcher sets; the proxies share a cache and keys. */
const overStdio: OpenFront = (args, environment) => {
  const proxies: RunningProxy[] = [];
  return {
    async connect(subject) {
      const proxy = new RunningProxy(args, { ...environment, HANDLEVAULT_SUBJECT: subject });
      proxies.push(proxy);
      return agentOf(await proxy.connect(), () => proxy.received);
    },
    close: () => Promise.all(proxies.map((proxy) => proxy.stop())),
  };
};

/** One proxy for all subjects, which authenticate with tokens. */
const overHttp: OpenFront = ([...args], environment) => {
  const listening = [...args.slice(0, 4), "--listen", "0", ...args.slice(4)];
  const proxy = new RunningProxy(listening, environment);
  const url = proxy.url();
  return {
    async connect(subject) {
      const token = subject === "reader" ? TOKENS.reader : TOKENS.other;
      const { client, received } = await connectOverHttp(await url, token);
      return agentOf(client, received);
    },
    close: () => proxy.stop(),
  };
};

function agentOf(client: AnyClient, received: () => string): DrillAgent {
  return {
    received,
    call: (tool, args) =>
      client.callTool({
        name: tool === "resolve" ? "resolve_handle" : tool,
        arguments: { ...args },
      }),
  };
}

/** Returns a drill harness: proxies for processes with the tools of a service desk. */
function proxyHarness(openFront: OpenFront, rules: object = POLICY): DrillHarness {
  return {
    open({ secret, injection }) {
      const [cache, keys, runs] = [newPath("handles.db"), keyFile(), fileOf("")];
      const policy = {
        version: 1,
        vault: { cache: { sqlite: cache }, keys: { file: keys } },
        subject: `\${HANDLEVAULT_SUBJECT}`,
        auth: {
          tokens: [
            { env: "R", subject: "reader" },
            { env: "O", subject: "other" },
          ],
        },
        ...rules,
      };
      const command = script("desk-process.ts", cache, keys, runs);
      const front = openFront(
        ["--policy", fileOf(JSON.stringify(policy)), "--server", SERVER, "--", ...command],
        { SECRET: secret, INJECTION: injection, R: TOKENS.reader, O: TOKENS.other },
      );
      return {
        gatewayPrincipal: toolPrincipal({ server: SERVER, tool: "resolve_handle" }, "reader"),
        connect: (subject) => front.connect(subject),
        runs: () => runsIn(readFileSync(runs, "utf8")),
        close: async () => void (await front.close()),
      };
    },
  };
}

function runsIn(text: string): readonly DrillRun[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as DrillRun]));
}

const FRONTS = { "over stdio": overStdio, "over HTTP": overHttp };

for (const [name, openFront] of Object.entries(FRONTS)) {
  describeInjectionDrills(`the proxy ${name}`, proxyHarness(openFront), { describe, it });
}

describe.each(Object.entries(FRONTS))(
  "the proxy %s, under a policy that passes everything",
  (_, openFront) => {
    it("leaks, and the drill finds it", async () => {
      const passing = { defaults: { unlisted: "pass" }, servers: { [SERVER]: { tools: {} } } };
      const [drill] = Object.values(injectionDrills);
      if (drill === undefined) throw new Error("there are no drills");
      const { leaks } = await playDrill(drill, proxyHarness(openFront, passing));
      expect(leaks).toContain("the agent of the reader received it");
    });
  },
);
