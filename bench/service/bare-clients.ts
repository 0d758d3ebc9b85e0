/** A minimal client for each transport. */
import { once } from "node:events";
import { Agent, type RequestOptions, request } from "node:http";
import { connect, type NetConnectOpts } from "node:net";
import { FrameSplitter, frameOf } from "./frames.js";
import type { ServerAddress } from "./subject.js";

/** Sends messages to an echo. */
export interface BareClient {
  /** Resolves with the response. */
  ask(message: object): Promise<unknown>;
  close(): void;
}

/** Returns a client that posts messages, as JSON or as another text. */
export function bareHttpClient(
  { host, port }: ServerAddress,
  { connections, text }: { connections: number; text?: string | undefined },
): BareClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, noDelay: true });
  const target: RequestOptions = { agent, host, port, method: "POST", path: "/" };
  return {
    ask: (message) => {
      const body = text ?? JSON.stringify(message);
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      };
      return new Promise((resolve, reject) => {
        const outgoing = request({ ...target, headers }, (incoming) => {
          const parts: Buffer[] = [];
          incoming.on("data", (part: Buffer) => parts.push(part));
          incoming.on("end", () => {
            const answer = Buffer.concat(parts).toString();
            resolve(text === undefined ? JSON.parse(answer) : answer);
          });
        });
        outgoing.once("error", reject).end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

/** Returns a client that sends frames on one connection, with any number in flight. */
export async function bareFrameClient(address: ServerAddress): Promise<BareClient> {
  const socket = connect(address as NetConnectOpts).setNoDelay(true);
  await once(socket, "connect");
  const splitter = new FrameSplitter();
  const waiting = new Map<number, (answer: unknown) => void>();
  let nextId = 1;
  socket.on("data", (chunk) => {
    for (const body of splitter.push(chunk)) {
      const answer = JSON.parse(body.toString()) as { id: number };
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    }
  });
  return {
    ask: (message) => {
      const id = nextId++;
      socket.write(frameOf(JSON.stringify({ ...message, id })));
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    close: () => socket.destroy(),
  };
}
