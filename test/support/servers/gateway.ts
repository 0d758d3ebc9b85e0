/** A gateway between a client and a server that replaces the server's response. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/**
 * Returns the port of a gateway that forwards each request, waits for the server's response, and then
 * sends `answer` instead; if that is empty, it only closes the connection. It ends with the test.
 */
export async function gatewayTo(port: number, answer: string): Promise<number> {
  const sockets = new Set<Socket>();
  const gateway = createServer((socket) => {
    const upstream = connect(port, "127.0.0.1");
    for (const one of [socket, upstream]) sockets.add(one.on("error", () => undefined));
    socket.on("data", (chunk) => upstream.write(chunk));
    upstream.once("data", () => {
      upstream.destroy();
      socket.end(answer, "latin1");
    });
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    gateway.close();
  });
  return (gateway.address() as AddressInfo).port;
}

/** Returns the text of an HTTP response. */
export function httpAnswer(status: number, body: string, headers: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${status} X`, `Content-Length: ${body.length}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
