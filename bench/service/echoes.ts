/** A minimal server for each transport: it reads a request and sends it back. */
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { FrameSplitter, frameOf } from "./frames.js";
import type { WireName } from "./subject.js";

/** Keeps idle connections open while the other server is measured. */
const PATIENT = { keepAliveTimeout: 0 };

/** Returns an echo server: it parses and serializes JSON, and returns XML unchanged. */
export const ECHOES: Readonly<Record<WireName, () => Server>> = {
  http: () =>
    createHttpServer(
      PATIENT,
      echoing((text) => JSON.stringify(JSON.parse(text))),
    ),
  "xml-rpc": () =>
    createHttpServer(
      PATIENT,
      echoing((text) => text),
    ),
  "json-rpc": () => createServer({ noDelay: true }, echoFrames),
};

function echoing(answer: (text: string) => string): RequestListener {
  return (incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = answer(Buffer.concat(parts).toString());
      const headers = {
        "content-type": incoming.headers["content-type"],
        "content-length": Buffer.byteLength(body),
      };
      outgoing.writeHead(200, headers).end(body);
    });
  };
}

function echoFrames(socket: Socket): void {
  const splitter = new FrameSplitter();
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    socket.cork();
    for (const frame of splitter.push(chunk)) {
      socket.write(frameOf(JSON.stringify(JSON.parse(frame.toString()))));
    }
    socket.uncork();
  });
}
