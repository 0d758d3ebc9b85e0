import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { HandleVault } from "../../../src/index.js";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import type { HttpClientOptions } from "../../../src/transport/http/client/options.js";
import { writeMethodCall } from "../../../src/transport/xml-rpc/call.js";
import { xmlRpcTransport } from "../../../src/transport/xml-rpc/client.js";
import { serveXmlRpc, type XmlRpcServerOptions } from "../../../src/transport/xml-rpc.js";

/** Serves a vault on a free port of the loopback interface until the test has finished. */
export async function served(options: Partial<XmlRpcServerOptions> = {}) {
  const vault = new HandleVault();
  const where = options.path === undefined ? { port: 0 } : {};
  const server = await serveXmlRpc(vault, { auth: trustLocalCallers(), ...where, ...options });
  onTestFinished(() => server.stop());
  const { port = 0 } = server.address;
  const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}/`;
  return { vault, server, port, url };
}

/** Returns a vault behind a new wire, closed when the test has finished. */
export function remoteVault(url: string, options: HttpClientOptions = {}): RemoteVault {
  const remote = new RemoteVault(xmlRpcTransport(url, options));
  onTestFinished(() => remote.close());
  return remote;
}

/** The parts of a raw request. */
export interface RawRequest {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** Sends a request byte for byte and returns all bytes received until the connection ends. */
export function raw(port: number, { line, headers = [], body = "" }: RawRequest): Promise<string> {
  const head = [
    line ?? "POST / HTTP/1.1",
    ...(headers.some((header) => /^host:/i.test(header)) ? [] : [`Host: 127.0.0.1:${port}`]),
    ...(headers.some((header) => /^content-type:/i.test(header)) ? [] : ["Content-Type: text/xml"]),
    ...(headers.some((header) => /^(?:content-length|transfer-encoding):/i.test(header))
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`]),
    "Connection: close",
    ...headers,
  ];
  return exchange(port, `${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Sends bytes and returns all bytes received until the connection ends. */
export function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

/** Returns a call as a document. */
export function call(method: string, ...params: unknown[]): string {
  return writeMethodCall({ method, params });
}
