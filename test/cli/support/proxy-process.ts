/** The proxy as a separate process, with a client of the SDK. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { AnyClient } from "../../mcp/support/lines.js";
import { compiledChild } from "../../support/children.js";

/** Returns the command that runs a program of this folder. */
export function script(name: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, compiledChild(`test/cli/support/${name}`), ...args];
}

/** Returns the command that runs the server of the MCP project. */
export function everything(): readonly string[] {
  const manifest = import.meta.resolve("@modelcontextprotocol/server-everything/package.json");
  return [process.execPath, fileURLToPath(new URL("dist/index.js", manifest))];
}

const MODES = { v2: "auto", "2026-07-28": { pin: "2026-07-28" } } as const;

/** A client of SDK 1, a client of SDK 2, or one that supports only one revision. */
export type ClientKind = "v1" | keyof typeof MODES;

interface ProxyOptions {
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** A running proxy. */
export class ProxyProcess {
  readonly child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  readonly #received: Buffer[] = [];
  readonly #errors: Buffer[] = [];
  readonly #exit: Promise<unknown[]>;

  constructor({ args, environment = {} }: ProxyOptions) {
    const command = [compiledChild("src/cli/main.ts"), "mcp-proxy", ...args];
    const child = spawn(process.execPath, command, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], HANDLEVAULT_SUBJECT: "alice", ...environment },
    });
    this.child = child;
    this.#exit = once(child, "close");
    child.stdout.on("data", (chunk: Buffer) => this.#received.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#errors.push(chunk));
    child.stdin.on("error", () => undefined);
  }

  /** Its whole standard output, as text. */
  get received(): string {
    return Buffer.concat(this.#received).toString();
  }

  /** Its whole standard error, as text. */
  get errors(): string {
    return Buffer.concat(this.#errors).toString();
  }

  /** Waits until standard error matches a pattern, and returns the captured text. */
  async errorMatching(pattern: RegExp): Promise<string> {
    for (;;) {
      const [, captured] = pattern.exec(this.errors) ?? [];
      if (captured !== undefined) return captured;
      await once(this.child.stderr as Readable, "data");
    }
  }

  /** Resolves to the exit code, or to the signal that ended the process. */
  async exit(): Promise<unknown> {
    const [code, signal] = await this.#exit;
    return code ?? signal;
  }

  async connect(kind: ClientKind = "v1"): Promise<AnyClient> {
    const info = { name: "client", version: "1.0.0" };
    const capabilities = { sampling: {}, elicitation: {} };
    const client =
      kind === "v1"
        ? new ClientV1(info, { capabilities })
        : new ClientV2(info, { capabilities, versionNegotiation: { mode: MODES[kind] } });
    await client.connect(this.transport() as never);
    return client;
  }

  /** Returns a transport for a client. The framing is the same in both directions. */
  transport(): StdioServerTransport {
    return new StdioServerTransport(this.child.stdout, this.child.stdin);
  }

  /** Closes the connection. */
  hangUp(): Promise<unknown> {
    this.child.stdin.end();
    return this.exit();
  }
}

/** Calls a tool, and returns the texts and the error flag of its result. */
export async function call(
  client: AnyClient,
  name: string,
  args: Record<string, unknown> = {},
): Promise<{ readonly texts: readonly string[]; readonly isError: boolean }> {
  const result = await (client as ClientV1).callTool({ name, arguments: args });
  const content = result.content as readonly { readonly text?: string }[];
  return { texts: content.map(({ text = "" }) => text), isError: result.isError === true };
}

/** Returns the first handle in a text. */
export function handleIn(texts: readonly string[]): string {
  const [handle] = /hdl_[0-9a-f]{32}/.exec(texts.join(" ")) ?? [];
  if (handle === undefined) throw new Error("there is no handle");
  return handle;
}
