/** A server that replays recorded responses of the original. */
import { Buffer } from "node:buffer";
import { type AddressInfo, createServer } from "node:net";
import { onTestFinished } from "vitest";
import { type Exchange, lengthOf } from "../original-recording.js";

/** Replies to the first request of a connection with recorded bytes, and closes, as the original does. */
export async function answering(exchange: Exchange) {
  const requests: Buffer[] = [];
  const server = createServer((socket) => {
    let request = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      request = Buffer.concat([request, chunk]);
      if (request.length < lengthOf(exchange, request)) return;
      requests.push(request);
      socket.end(exchange.response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, requests };
}
