/** A proxy in front of a server that can lose a reply. */
import { createConnection, createServer, type Socket } from "node:net";
import { HOST } from "./resp-process.js";

export interface TcpProxy {
  readonly port: number;
  /** Drops the next reply, and closes its connection. */
  loseNextReply(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free loopback port. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isLosing = false;
  const keep = (socket: Socket, other: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = createServer((client) => {
    const upstream = createConnection({ port: targetPort, host: HOST });
    keep(client, upstream);
    keep(upstream, client);
    client.pipe(upstream);
    upstream.on("data", (chunk) => {
      if (!isLosing) client.write(chunk);
      else client.destroy();
      isLosing = false;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    loseNextReply: () => {
      isLosing = true;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
