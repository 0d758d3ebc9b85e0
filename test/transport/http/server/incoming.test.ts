import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { RequestTooLargeError } from "../../../../src/errors.js";
import { readIncoming } from "../../../../src/transport/http/server/read-body.js";

const LIMIT = 1000;

/** Sends the beginning of a request, and returns both ends. */
async function begun(length: number): Promise<{ socket: Socket; incoming: IncomingMessage }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
  const [incoming] = (await once(server, "request")) as [IncomingMessage];
  return { socket, incoming };
}

describe("the body of a request", () => {
  it("is whole, in whatever pieces it arrives", async () => {
    const { socket, incoming } = await begun(6);
    const reading = readIncoming(incoming, LIMIT);
    for (const piece of ["ab", "c", "def"]) {
      socket.write(piece);
      await once(incoming, "data");
    }
    expect((await reading).toString()).toBe("abcdef");
  });

  it("may be as long as the limit, and not a byte longer", async () => {
    const just = await begun(LIMIT);
    just.socket.write("x".repeat(LIMIT));
    expect(await readIncoming(just.incoming, LIMIT)).toHaveLength(LIMIT);
    const over = await begun(LIMIT + 1);
    over.socket.write("x".repeat(LIMIT + 1));
    await expect(readIncoming(over.incoming, LIMIT)).rejects.toThrow(RequestTooLargeError);
    expect(over.incoming.destroyed).toBe(false);
    expect(over.incoming.isPaused()).toBe(true);
  });

  it("is abandoned when the client disconnects in the middle", async () => {
    const { socket, incoming } = await begun(6);
    const reading = readIncoming(incoming, LIMIT);
    socket.write("abc", () => socket.destroy());
    await expect(reading).rejects.toThrow();
  });

  it("is abandoned when the client disconnected before it was read", async () => {
    const { socket, incoming } = await begun(6);
    socket.destroy();
    await new Promise((resolve) => incoming.once("close", resolve));
    await expect(readIncoming(incoming, LIMIT)).rejects.toThrow(
      "The body ended before it was complete.",
    );
  });
});
