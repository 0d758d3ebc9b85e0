/** Loads: raw sockets that send prepared requests and read as little of the responses as possible. */
import { once } from "node:events";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { FrameSplitter } from "./frames.js";
import type { ServerAddress } from "./subject.js";

/** Sends requests to one server. */
export interface Load {
  /** Sends all requests, with the load's number in flight. Resolves after the last response. */
  send(requests: readonly Buffer[], onAnswer: (body: Buffer) => void): Promise<void>;
  close(): void;
}

const HEADERS_END = Buffer.from("\r\n\r\n");
const LENGTH = /\r\ncontent-length: (\d+)/i;
const SUCCESS = /^HTTP\/1\.1 20[01] /;

/** The progress of one `send`. */
class Round {
  readonly #requests: readonly Buffer[];
  readonly #onAnswer: (body: Buffer) => void;
  #sent = 0;
  #answered = 0;
  #finish: () => void = () => undefined;
  readonly finished: Promise<void>;

  constructor(requests: readonly Buffer[], onAnswer: (body: Buffer) => void) {
    this.#requests = requests;
    this.#onAnswer = onAnswer;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  next(): Buffer | undefined {
    return this.#requests[this.#sent++];
  }

  answered(body: Buffer): void {
    this.#onAnswer(body);
    if (++this.#answered === this.#requests.length) this.#finish();
  }
}

/** Returns a load of HTTP requests, each connection with one in flight. */
export async function httpLoad(address: ServerAddress, connections: number): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(address)));
  return {
    send: (requests, onAnswer) => {
      const round = new Round(requests, onAnswer);
      for (const socket of sockets) sendOneByOne(socket, round);
      return round.finished;
    },
    close: () => {
      for (const socket of sockets) closed(socket);
    },
  };
}

function sendOneByOne(socket: Socket, round: Round): void {
  let arrived: Buffer = Buffer.alloc(0);
  const sendNext = () => {
    const request = round.next();
    if (request === undefined) socket.removeAllListeners("data");
    else socket.write(request);
  };
  socket.on("data", (chunk) => {
    arrived = arrived.length === 0 ? chunk : Buffer.concat([arrived, chunk]);
    const body = bodyOf(arrived);
    if (body === undefined) return;
    arrived = Buffer.alloc(0);
    round.answered(body);
    sendNext();
  });
  sendNext();
}

/** Returns the body of a complete response. */
function bodyOf(arrived: Buffer): Buffer | undefined {
  const headersEnd = arrived.indexOf(HEADERS_END);
  if (headersEnd === -1) return undefined;
  const headers = arrived.toString("latin1", 0, headersEnd);
  if (!SUCCESS.test(headers)) throw new Error(`refused: ${headers.split("\r\n", 1)[0]}`);
  const start = headersEnd + HEADERS_END.length;
  const end = start + Number(LENGTH.exec(headers)?.[1]);
  return arrived.length < end ? undefined : arrived.subarray(start, end);
}

/** Returns a load of frames on one connection, with `inFlight` pending requests. */
export async function frameLoad(address: ServerAddress, inFlight: number): Promise<Load> {
  const socket = await opened(address);
  return {
    send: (requests, onAnswer) => {
      const round = new Round(requests, onAnswer);
      sendDeep(socket, round, inFlight);
      return round.finished;
    },
    close: () => closed(socket),
  };
}

function sendDeep(socket: Socket, round: Round, inFlight: number): void {
  const splitter = new FrameSplitter();
  const sendNext = (count: number) => {
    socket.cork();
    for (let left = count; left > 0; left--) {
      const request = round.next();
      if (request !== undefined) socket.write(request);
    }
    socket.uncork();
  };
  socket.removeAllListeners("data").on("data", (chunk) => {
    const bodies = splitter.push(chunk);
    for (const body of bodies) round.answered(body);
    sendNext(bodies.length);
  });
  sendNext(inFlight);
}

async function opened(address: ServerAddress): Promise<Socket> {
  const socket = connect(address as NetConnectOpts).setNoDelay(true);
  await once(socket, "connect");
  return socket.once("close", failed);
}

/** Throws if the server closes a connection: a request on it would never get a response. */
function failed(): void {
  throw new Error("the server closed a connection");
}

function closed(socket: Socket): void {
  socket.off("close", failed).destroy();
}
