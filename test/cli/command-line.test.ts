import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readMcpProxyOptions } from "../../src/cli/mcp-proxy-options.js";
import { messageThrownBy } from "../support/refusals.js";
import { fileOf, keyFile, memoryPolicy, sharedPolicy } from "./support/policies.js";
import { run } from "./support/run.js";

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
const GIVEN = ["mcp-proxy", "--policy", "p", "--server", "s"];

describe("the command", () => {
  it.each(["--help", "-h"])("shows its help for %s", async (option) => {
    const { code, output, errors } = await run([option]);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toMatchInlineSnapshot(`
      "Usage: handlevault <command> [options]

      Commands:
        mcp-proxy    Stand between an agent and an MCP server: seal what it returns.

      Options:
        -h, --help     Show this help; after a command, that of the command.
        -v, --version  Show the version.

      Exit codes:
        0  It worked, or the other end hung up.
        1  It could not be done: something is unavailable, or the server ended by itself.
        2  The arguments or the policy are wrong, or a tool of the server does not fit the policy.
      "
    `);
  });

  it.each([["--help"], ["-h"], ["--policy", "p", "--help"]])(
    "shows the help of the proxy for %s",
    async (...options) => {
      const { code, output, errors } = await run(["mcp-proxy", ...options]);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      expect(output).toMatchInlineSnapshot(`
        "Usage: handlevault mcp-proxy --policy FILE --server NAME [options] -- COMMAND [ARGUMENT...]
               handlevault mcp-proxy --policy FILE --server NAME [options] --url URL
               handlevault mcp-proxy --policy FILE --server NAME --explain FILE

        Stands between an MCP client and a server. What the server returns is sealed as the policy
        says, and handles in arguments are opened where the policy says.

        Options:
          --policy FILE               The policy, in YAML or JSON.
          --server NAME               The server's name in the policy.
          --url URL                   Connect to a server over Streamable HTTP, instead of starting one.
          --url-token-env NAME        The variable with the bearer token to send there.
          --listen [HOST:]PORT        Serve Streamable HTTP at /mcp on this machine, instead of stdio.
                                      The subject comes from the token; the policy needs auth.
          --allow-host NAME           A further Host that requests may name; may be repeated.
          --max-sessions N            With --listen: the most sessions at once, each with a server of
                                      its own. Default 100, at most 1000.
          --max-sessions-per-subject N
                                      The most of one subject. Default: a tenth of --max-sessions.
          --upstream-stderr inherit   Show what the server writes to standard error. It may hold
                                      data, so it is discarded by default.
          --explain FILE              Say what would be sealed of a recorded result, and end. The file
                                      holds { "tool": name, "result": { ... } }.
          -h, --help                  Show this help.
        "
      `);
    },
  );

  it("has help that is no wider than a terminal", async () => {
    const texts = [await run(["--help"]), await run(["mcp-proxy", "--help"])];
    for (const { output } of texts) {
      for (const line of output.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    }
  });

  it.each(["--version", "-v"])("shows the package's version for %s", async (option) => {
    expect(await run([option])).toEqual({ code: 0, output: `${manifest.version}\n`, errors: "" });
  });

  it.each([
    [[], "a command is missing"],
    [["serve"], "there is no such command"],
    [["--vers"], "there is no such command"],
    [["mcp-proxy"], "--policy is missing"],
    [["mcp-proxy", "--policy"], "--policy needs a value"],
    [["mcp-proxy", "--policy", "p"], "--server is missing"],
    [["mcp-proxy", "--polcy", "p"], "--polcy is not an option"],
    [["mcp-proxy", "-x"], "-x is not an option"],
    [[...GIVEN, "node"], "the server's command comes after --"],
    [GIVEN, "the server is missing"],
    [[...GIVEN, "--"], "the server is missing"],
    [[...GIVEN, "--url", "https://a.example", "--", "node"], "one or the other"],
    [[...GIVEN, "--url", "a.example"], "--url must be an https URL"],
    [[...GIVEN, "--url", "http://a.example/mcp"], "--url must be an https URL"],
    [[...GIVEN, "--url", "https://u:p@a.example"], "--url must not hold a password"],
    [[...GIVEN, "--listen", "70000", "--", "node"], "--listen must be a port"],
    [[...GIVEN, "--listen", "a:b", "--", "node"], "--listen must be a port"],
    [[...GIVEN, "--upstream-stderr", "show", "--", "node"], "must be discard or inherit"],
    [[...GIVEN, "--explain", "f"], "the policy cannot be read"],
  ])("exits with 2 and explains the correct usage: %#", async (args, message) => {
    const { code, output, errors } = await run(args);
    expect({ code, output }).toEqual({ code: 2, output: "" });
    expect(errors).toMatch(/^handlevault: .+\n$/);
    expect(errors).toContain(message);
  });

  it("repeats no value of an option in an error", async () => {
    const secret = "pa55word";
    for (const args of [[secret], [`--token=${secret}`], ["--listen", secret], ["--url", secret]]) {
      const { errors } = await run([...GIVEN, ...args]);
      expect(errors).not.toContain(secret);
    }
  });

  it.each([
    ["a server that the policy does not name", memoryPolicy("other"), 2, "is not in servers"],
    [
      "a policy without a subject",
      memoryPolicy("s").replace(/subject.*/, ""),
      2,
      "subject is missing",
    ],
    ["a subject that is not set", memoryPolicy("s"), 2, "HANDLEVAULT_SUBJECT, which is not set"],
  ])("starts nothing with %s", async (_, policy, exitCode, message) => {
    const args = [
      "mcp-proxy",
      "--policy",
      fileOf(policy),
      "--server",
      "s",
      "--",
      "no-such-command",
    ];
    const { code, errors } = await run(args);
    expect(code).toBe(exitCode);
    expect(errors).toContain(message);
  });

  it.each([
    ["its form", memoryPolicy("s").replace("version: 1", "version: 2")],
    ["its rules", `${memoryPolicy("s")}ttlSeconds: -1\n`],
    ["what is asked of it", memoryPolicy("other")],
    ["its subject", memoryPolicy("s")],
  ])("names the file and the line of the error in %s, but no folder", async (_, policy) => {
    const path = fileOf(policy);
    const args = ["mcp-proxy", "--policy", path, "--server", "s", "--", "no-such-command"];
    const { errors } = await run(args);
    expect(errors).toMatch(/^handlevault: policy \S+, line \d+, column \d+: /);
    expect(errors).toContain(basename(path));
    expect(errors).not.toContain(dirname(path));
  });

  it.each([
    [
      "keys that are not there",
      "{ cache: { sqlite: a.db }, keys: { file: none } }",
      "cannot be opened",
    ],
    [
      "keys that are not set",
      "{ cache: { sqlite: a.db }, keys: { env: NO_SUCH_KEYS } }",
      "is not set",
    ],
    [
      "a cache that cannot be had",
      `{ cache: { sqlite: no/such/a.db }, keys: { file: ${keyFile()} } }`,
      "The cache is unavailable",
    ],
  ])("exits with 1 for %s, and names no path", async (_, vault, message) => {
    const args = ["mcp-proxy", "--policy", fileOf(sharedPolicy(vault)), "--server", "pharmacy"];
    const { code, errors } = await run([...args, "--", "node"], { HANDLEVAULT_SUBJECT: "a" });
    expect(code).toBe(1);
    expect(errors).toContain(message);
    expect(errors).not.toMatch(/\.db|none|NO_SUCH/);
  });
});

describe("the proxy's arguments", () => {
  it("end where the server's arguments begin", () => {
    const { task } = readMcpProxyOptions([...GIVEN.slice(1), "--", "node", "--help", "--", "x"]);
    expect(task).toEqual({ address: { command: ["node", "--help", "--", "x"] } });
  });

  it.each([
    ["8080", { host: undefined, port: 8080 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["[::1]:81", { host: "::1", port: 81 }],
  ])("include the address to listen at: %s", (text, address) => {
    const { listen } = readMcpProxyOptions([...GIVEN.slice(1), "--listen", text, "--", "node"]);
    expect(listen).toEqual(address);
  });

  it.each([
    [[], { max: 100, perSubject: 10 }],
    [["--max-sessions", "5"], { max: 5, perSubject: 1 }],
    [["--max-sessions-per-subject", "100"], { max: 100, perSubject: 100 }],
  ])("limit the sessions in total and for each subject: %j", (given, limits) => {
    const { sessions } = readMcpProxyOptions([...GIVEN.slice(1), ...given, "--", "node"]);
    expect(sessions).toEqual(limits);
  });

  it.each(["0", "1001", "-1", "1.5", "many", ""])("take no %j sessions", async (count) => {
    for (const option of ["--max-sessions", "--max-sessions-per-subject"]) {
      const args = [...GIVEN.slice(1), `${option}=${count}`, "--", "node"];
      const message = await messageThrownBy(() => readMcpProxyOptions(args));
      expect(message).toBe(`${option} must be a whole number from 1 to 1000`);
    }
  });

  it("allow plain http only on this machine", async () => {
    const withUrl = (url: string) => readMcpProxyOptions([...GIVEN.slice(1), "--url", url]);
    for (const host of ["127.0.0.1:80", "localhost", "[::1]:1"]) {
      expect(withUrl(`http://${host}/mcp`).task).toMatchObject({
        address: { url: expect.any(URL) },
      });
    }
    for (const host of ["127.0.0.1.example", "localhost.example", "10.0.0.1"]) {
      expect(await messageThrownBy(() => withUrl(`http://${host}/`))).toContain("https");
    }
  });
});
