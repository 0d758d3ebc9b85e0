import { describe, expect, it } from "vitest";
import type { CommandError } from "../../src/cli/command-error.js";
import type { ReadLine } from "../../src/cli/message-lines.js";
import { type ServerProcess, startServer } from "../../src/cli/server-process.js";
import { thrownBy } from "../support/refusals.js";

const PATIENCE = { termMs: 50, killMs: 50 };

function start(script: string, patience = PATIENCE): Promise<ServerProcess> {
  return startServer({
    command: [process.execPath, "-e", script],
    environment: { ONLY: "this" },
    errors: "discard",
    patience,
  });
}

/** Closes a server after it has reported that it is ready, and returns all of its messages. */
async function saidBy(server: ServerProcess): Promise<readonly unknown[]> {
  const said: unknown[] = [];
  await server.run((received: ReadLine) => {
    if (received.kind === "message") said.push(received.value);
    if (said.length === 1) void server.close();
  });
  await server.close();
  return said;
}

/** Returns a script that prints a message at the start and again at the event. */
function sayingOn(event: string): string {
  const say = (value: object) => `process.stdout.write('${JSON.stringify(value)}\\n')`;
  return `${say({ pid: "?" }).replace('"?"', "' + process.pid + '")};
    setInterval(() => undefined, 1000);
    ${event.replace("SAY", say({ heard: true }))}`;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a server's process", () => {
  it("exits after its input has ended, and its last output is read", async () => {
    const script = sayingOn('process.stdin.resume().on("end", () => { SAY; process.exit() })');
    const said = await saidBy(await start(script, { termMs: 30_000, killMs: 30_000 }));
    expect(said).toEqual([{ pid: expect.any(Number) }, { heard: true }]);
  });

  it("gets SIGTERM when the end of its input does not end it", async () => {
    const script = sayingOn('process.on("SIGTERM", () => { SAY; process.exit() })');
    const said = await saidBy(await start(script, { termMs: 50, killMs: 30_000 }));
    expect(said).toEqual([{ pid: expect.any(Number) }, { heard: true }]);
  });

  it("is killed when nothing else ends it", async () => {
    const script = sayingOn('process.on("SIGTERM", () => undefined)');
    const [{ pid } = { pid: 0 }] = (await saidBy(await start(script))) as { pid: number }[];
    expect(pid).toBeGreaterThan(0);
    expect(isRunning(pid)).toBe(false);
  });

  it("is ended without the processes that it started, even if they keep its output open", async () => {
    const child = `require("node:child_process").spawn(process.execPath,
      ["-e", "setTimeout(() => undefined, 60000)"], { stdio: ["ignore", "inherit", "ignore"] }).pid`;
    const script = `process.stdout.write(JSON.stringify({ pid: ${child} }) + "\\n");
      process.stdin.resume().on("end", () => process.exit());`;
    const said = await saidBy(await start(script, { termMs: 30_000, killMs: 30_000 }));
    const [{ pid } = { pid: 0 }] = said as { pid: number }[];
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  it("has only the environment that it is given", async () => {
    const script = `process.stdout.write(JSON.stringify(process.env) + "\\n")`;
    const [environment] = await saidBy(await start(script));
    expect(environment).toEqual({ ONLY: "this" });
  });

  it("is refused when it cannot be started, with an error that does not contain the command", async () => {
    const options = { environment: {}, errors: "discard" } as const;
    const error = await thrownBy(() => startServer({ command: ["no-such-command"], ...options }));
    expect(error).toMatchObject({ exitCode: 1 });
    expect((error as CommandError).message).not.toContain("no-such");
  });
});
