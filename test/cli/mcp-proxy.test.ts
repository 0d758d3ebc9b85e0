import { describe, expect, it } from "vitest";
import { askForEverything } from "../mcp/support/ask-for-everything.js";
import { CARRIERS, leaksIn } from "../mcp/support/leaky-server.js";
import { fileOf, keyFile, memoryPolicy, newPath, sharedPolicy } from "./support/policies.js";
import {
  type ClientKind,
  call,
  everything,
  handleIn,
  ProxyProcess,
  script,
} from "./support/proxy-process.js";

const SSN = "123-45-6789";

function proxyOf(
  policy: string,
  server: string,
  {
    command,
    environment,
    options = [],
  }: {
    readonly command: readonly string[];
    readonly environment?: NodeJS.ProcessEnv;
    readonly options?: readonly string[];
  },
): ProxyProcess {
  const args = ["--policy", policy, "--server", server, ...options, "--", ...command];
  return new ProxyProcess({ args, ...(environment === undefined ? {} : { environment }) });
}

const CLIENTS = { v1: ["v1", "v2"], v2: ["v1", "v2", "2026-07-28"] } as const;

describe.each(["v1", "v2"] as const)("before a leaky server of SDK %s", (generation) => {
  it.concurrent.each<ClientKind>([...CLIENTS[generation]])(
    "no secret reaches a client of %s",
    async (kind) => {
      const policy = fileOf(memoryPolicy("leaky"));
      const proxy = proxyOf(policy, "leaky", { command: script("leaky-process.ts", generation) });
      const client = await proxy.connect(kind);
      await askForEverything(client);
      expect(await proxy.hangUp()).toBe(0);
      expect(leaksIn(proxy.received)).toEqual([]);
      expect(leaksIn(proxy.errors)).toEqual([]);
      expect(proxy.received).toContain("hdl_");
    },
  );
});

describe("before the everything server", () => {
  it("hides a sealed result, and passes a result that the policy leaves visible", async () => {
    const policy = fileOf(`version: 1
vault: { cache: memory }
subject: alice
servers: { everything: { tools: { get-sum: { seal: none } } } }
`);
    const proxy = proxyOf(policy, "everything", { command: everything() });
    const client = await proxy.connect();
    const { texts } = await call(client, "echo", { message: "canary 5d1f" });
    await call(client, "get-structured-content", { location: "Chicago" });
    await call(client, "get-tiny-image");
    await call(client, "get-resource-links", { count: 2 });
    const sum = await call(client, "get-sum", { a: 17, b: 4 });
    await proxy.hangUp();
    expect(texts.join()).toContain("hdl_");
    expect(sum.texts.join()).toContain("21");
    for (const shown of ["canary 5d1f", "iVBOR", 'humidity":', "demo://resource"]) {
      expect(proxy.received).not.toContain(shown);
    }
  });
});

describe("two proxies that share a database and keys", () => {
  it("open each other's handles for the same subject, and refuse them to another", async () => {
    const database = newPath("handles.db");
    const policy = fileOf(
      sharedPolicy(`{ cache: { sqlite: ${database} }, keys: { file: ${keyFile()} } }`),
    );
    const command = script("records-process.ts");
    const patients = proxyOf(policy, "patients", { command });
    const pharmacy = proxyOf(policy, "pharmacy", { command });
    const stranger = proxyOf(policy, "pharmacy", {
      command,
      environment: { HANDLEVAULT_SUBJECT: "mallory" },
    });
    const looked = await call(await patients.connect(), "lookup");
    const ssn = handleIn(looked.texts);
    const used = await call(await pharmacy.connect(), "use", { ssn });
    const refused = await call(await stranger.connect(), "use", { ssn });
    for (const proxy of [patients, pharmacy, stranger]) {
      expect(await proxy.hangUp()).toBe(0);
      expect(proxy.received).not.toContain(SSN);
    }
    expect(used).toEqual({ texts: [`got the number: ${ssn}`], isError: false });
    expect(refused.isError).toBe(true);
    expect(refused.texts.join()).toMatch(/^Not executed/);
  });
});

describe("the server's process", () => {
  it("does not receive the keys of the vault", async () => {
    const database = newPath("handles.db");
    const policy = fileOf(
      sharedPolicy(`{ cache: { sqlite: ${database} }, keys: { env: VAULT_KEYS } }`),
    );
    const keys = `first:${"A".repeat(43)}`;
    const environment = { VAULT_KEYS: keys, OTHER_VARIABLE: "1" };
    const proxy = proxyOf(policy, "pharmacy", {
      command: script("records-process.ts"),
      environment,
    });
    const { texts } = await call(await proxy.connect(), "environment");
    await proxy.hangUp();
    expect(texts.join()).toContain("OTHER_VARIABLE");
    expect(texts.join()).not.toContain("VAULT_KEYS");
  });

  it("has its standard error discarded, unless an option requests it", async () => {
    const policy = fileOf(memoryPolicy("leaky"));
    const command = script("leaky-process.ts", "v1");
    const shown = proxyOf(policy, "leaky", { command, options: ["--upstream-stderr", "inherit"] });
    await shown.connect();
    await shown.hangUp();
    expect(leaksIn(shown.errors)).toEqual(CARRIERS);
  });

  it("ends the proxy with 1 when it dies, after all its pending requests have a response", async () => {
    const policy = fileOf(sharedPolicy("{ cache: memory }").replace("pharmacy/use", "patients/x"));
    const proxy = proxyOf(policy, "pharmacy", { command: script("records-process.ts") });
    const client = await proxy.connect();
    expect((await call(client, "die")).texts.join()).toMatch(/may have been executed/);
    expect(await proxy.exit()).toBe(1);
    expect(proxy.errors).toContain("handlevault: the server ended");
  });

  it.concurrent.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "is ended with the proxy by %s, although it ignores the end of its input",
    async (signal) => {
      const { proxy, pid } = await lasting(endingOnTerm);
      proxy.child.kill(signal);
      expect(await proxy.exit()).toBe(0);
      expect(proxy.errors).toContain("ended by SIGTERM");
      expectGone(pid);
    },
  );

  it.concurrent("has time to end when a closing terminal sends SIGHUP twice", async () => {
    const { proxy, pid } = await lasting(endingOnTerm);
    proxy.child.kill("SIGHUP");
    await proxy.errorMatching(/(input ended)/);
    proxy.child.kill("SIGHUP");
    expect(await proxy.exit()).toBe(0);
    expect(proxy.errors).toContain("ended by SIGTERM");
    expectGone(pid);
  });

  it.concurrent("is killed by a second signal to the proxy, which ends at once", async () => {
    const { proxy } = await lasting('process.on("SIGTERM", () => undefined)');
    proxy.child.kill("SIGINT");
    await proxy.errorMatching(/(input ended)/);
    proxy.child.kill("SIGTERM");
    // The server also has the error pipe open, so this resolves only after the server has ended.
    expect(await proxy.exit()).toBe(143);
  });

  it.concurrent("is ended with a proxy whose output is no longer read", async () => {
    const { proxy, pid } = await lasting(endingOnTerm);
    proxy.child.stdout.destroy();
    proxy.child.stdin.write("no message\n");
    expect(await proxy.exit()).toBe(0);
    expect(proxy.errors).toContain("ended by SIGTERM");
    expectGone(pid);
  });

  it.concurrent("is ended with a proxy that fails, and the error's text is not printed", async () => {
    const failing = "process.on('SIGUSR2',()=>{throw/**/new/**/Error('canary')})";
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(failing)}`;
    const { proxy, pid } = await lasting(endingOnTerm, { NODE_OPTIONS });
    proxy.child.kill("SIGUSR2");
    expect(await proxy.exit()).toBe(1);
    expect(proxy.errors).toContain("handlevault: an unexpected error ended it");
    expect(proxy.errors).not.toContain("canary");
    expect(proxy.errors).toContain("ended by SIGTERM");
    expectGone(pid);
  });
});

const endingOnTerm =
  'process.on("SIGTERM", () => { console.error("ended by SIGTERM"); process.exit(); })';

/**
 * Starts a proxy for a server that does not end when its input ends; returns the server's process id, too.
 */
async function lasting(script: string, environment: Record<string, string> = {}) {
  const lines = `process.stdin.resume().on("end", () => console.error("input ended"));
    setInterval(() => undefined, 1000); ${script}; console.error(process.pid)`;
  const command = [process.execPath, "-e", lines];
  const policy = fileOf(memoryPolicy("any"));
  const options = ["--upstream-stderr", "inherit"];
  const proxy = proxyOf(policy, "any", { command, options, environment });
  return { proxy, pid: Number(await proxy.errorMatching(/^(\d+)\n/m)) };
}

function expectGone(pid: number): void {
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
}

describe("a server that does not read", () => {
  it("does not keep the proxy from ending", async () => {
    const policy = fileOf(memoryPolicy("any"));
    const stuck = "console.error(process.pid); setInterval(() => undefined, 1000)";
    const options = ["--upstream-stderr", "inherit"];
    const proxy = proxyOf(policy, "any", { command: [process.execPath, "-e", stuck], options });
    const pid = await proxy.errorMatching(/^(\d+)\n/m);
    const params = { padding: "x".repeat(2_000_000) };
    const line = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized", params });
    await new Promise((resolve) => proxy.child.stdin.write(`${line}\n`, resolve));
    proxy.child.kill("SIGTERM");
    expect(await proxy.exit()).toBe(0);
    expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
  });
});

describe("input over stdio", () => {
  it("is rejected with a parse error if it is not a message, and is not forwarded", async () => {
    const policy = fileOf(memoryPolicy("any"));
    const echo = [process.execPath, "-e", "process.stdin.pipe(process.stderr)"];
    const options = ["--upstream-stderr", "inherit"];
    const proxy = proxyOf(policy, "any", { command: echo, options });
    proxy.child.stdin.write('no message\n{"jsonrpc":"2.0",\n"text"\n');
    proxy.child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    expect(await proxy.hangUp()).toBe(0);
    const answers = proxy.received.trim().split("\n");
    expect(answers.map((line) => JSON.parse(line))).toEqual(
      [1, 2, 3].map(() => ({
        jsonrpc: "2.0",
        id: null,
        error: { code: -32700, message: "Parse error" },
      })),
    );
    expect(proxy.errors).not.toContain("no message");
    expect(proxy.errors).toContain("notifications/initialized");
  });
});
