/** Servers and clients over Streamable HTTP for a proxy in the test's process. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpClientV2,
} from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpClientV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createMcpHandler, type Server } from "@modelcontextprotocol/server";
import { runCommandLine } from "../../../src/cli/command-line.js";
import type { AnyClient } from "../../mcp/support/lines.js";

/** A listening server, and the headers of every request to it. */
export interface ListeningServer {
  readonly url: string;
  readonly headers: readonly IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** Serves MCP on a free loopback port. */
export async function serve(server: () => Server): Promise<ListeningServer> {
  const headers: IncomingHttpHeaders[] = [];
  const handle = toNodeHandler(createMcpHandler(server));
  const listening = createServer((request, response) => {
    headers.push(request.headers);
    void handle(request as never, response);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    headers,
    async close() {
      listening.closeAllConnections();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}

/** A running proxy. */
export class RunningProxy {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly errors = new PassThrough();
  readonly #abort = new AbortController();
  readonly #received: Buffer[] = [];
  readonly ended: Promise<number>;

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.output.on("data", (chunk: Buffer) => this.#received.push(chunk));
    const { input, output, errors } = this;
    const { signal } = this.#abort;
    // No time limit for servers, so that a busy machine does not fail the test.
    const surveyMs = 2 ** 31 - 1;
    const context = { input, output, errors, environment, signal, surveyMs };
    this.ended = runCommandLine(["mcp-proxy", ...args], context);
  }

  /** The proxy's whole output, as text. */
  get received(): string {
    return Buffer.concat(this.#received).toString();
  }

  /** Resolves to the address at which it listens. */
  async url(): Promise<string> {
    for await (const chunk of this.errors.iterator({ destroyOnReturn: false })) {
      const [, address] = /^listening on (\S+)$/m.exec(String(chunk)) ?? [];
      if (address !== undefined) return `http://${address}/mcp`;
    }
    throw new Error("the proxy does not listen");
  }

  async connect(kind: "v1" | "2026-07-28" = "v1"): Promise<AnyClient> {
    const info = { name: "client", version: "1.0.0" };
    const versionNegotiation = { mode: { pin: "2026-07-28" } };
    const client = kind === "v1" ? new ClientV1(info) : new ClientV2(info, { versionNegotiation });
    const transport = new StdioServerTransport(this.output, this.input);
    await client.connect(transport as never);
    return client;
  }

  stop(): Promise<number> {
    this.#abort.abort();
    return this.ended;
  }
}

/** A client over HTTP, and all bytes that it receives. */
export interface HttpClient {
  readonly client: AnyClient;
  readonly sessionId: () => string | undefined;
  readonly received: () => string;
}

export async function connectOverHttp(
  url: string,
  token: string,
  kind: "v1" | "v2" = "v1",
): Promise<HttpClient> {
  const received: string[] = [];
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    received.push(JSON.stringify([...response.headers]));
    if (response.body === null) return response;
    const [shown, kept] = response.body.tee();
    void new Response(kept).text().then(
      (text) => received.push(text),
      () => undefined,
    );
    const { status, statusText, headers } = response;
    return new Response(shown, { status, statusText, headers });
  };
  const options = {
    fetch: recording,
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  };
  const info = { name: "client", version: "1.0.0" };
  const target = new URL(url);
  const transport =
    kind === "v1" ? new HttpClientV1(target, options) : new HttpClientV2(target, options);
  const client =
    kind === "v1"
      ? new ClientV1(info)
      : new ClientV2(info, { versionNegotiation: { mode: "auto" } });
  await client.connect(transport as never);
  return { client, sessionId: () => transport.sessionId, received: () => received.join("\n") };
}
