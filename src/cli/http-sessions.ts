/** The sessions of clients over HTTP: each belongs to one subject, and has a server of its own. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { MessageFilter } from "../mcp/message-filter.js";
import { clearTimeout, setTimeout } from "../primitives/timers.js";
import type { HttpRequest } from "../transport/http/server/gate.js";
import { REFUSALS, RefusedError } from "../transport/http/server/refusal.js";
import { ServiceUnavailableError } from "../vault/errors.js";
import { runProxy } from "./proxy.js";
import { passOn, type Receive, type Sent, type Side } from "./side.js";

/** The part of the SDK's transport that is used here. */
export interface ServerTransport {
  onmessage?: ((message: unknown) => void) | undefined;
  onclose?: (() => void) | undefined;
  send(message: unknown): Promise<void>;
  close(): Promise<void>;
  /** What was posted is given as the message that it is: it is not read again. */
  handleRequest(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    posted: object | undefined,
  ): Promise<void>;
}

/** What a transport tells of its session. */
interface SessionEvents {
  readonly sessionIdGenerator: () => string;
  readonly onsessioninitialized: (id: string) => Promise<void>;
}

/** What sessions are made of. */
export interface HttpSessionsOptions {
  readonly openServer: () => Promise<Side>;
  readonly openFilter: () => MessageFilter;
  readonly openTransport: (events: SessionEvents) => ServerTransport;
}

interface Session {
  readonly subject: string;
  readonly transport: ServerTransport;
  readonly idle: NodeJS.Timeout;
  readonly ended: Promise<unknown>;
}

const SESSION_HEADER = "mcp-session-id";
const MAX_SESSIONS = 100;
/** A client that comes back later hears that its session is gone, and begins another. */
const IDLE_MS = 30 * 60_000;

export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #sessions = new Map<string, Session>();
  #opening = 0;
  #isClosed = false;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  /**
   * Returns what answers a request: the transport of its session, or a new one.
   *
   * @throws RefusedError There is no such session of this subject's.
   */
  async transportFor(
    subject: string,
    { single, header }: Pick<HttpRequest, "single" | "header">,
  ): Promise<ServerTransport> {
    if (header(SESSION_HEADER) === undefined) return this.#newTransport(subject);
    const session = this.#sessions.get(single(SESSION_HEADER) ?? "");
    if (session === undefined || session.subject !== subject) {
      throw new RefusedError(REFUSALS.noRoute);
    }
    session.idle.refresh();
    return session.transport;
  }

  /** Ends all sessions and their servers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const sessions = [...this.#sessions.values()];
    await Promise.all(sessions.map(({ transport }) => transport.close()));
    await Promise.all(sessions.map(({ ended }) => ended));
  }

  /** The server is opened once the client has asked for a session in the right form. */
  #newTransport(subject: string): ServerTransport {
    const transport = this.#options.openTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => this.#open(id, subject, transport),
    });
    return transport;
  }

  async #open(id: string, subject: string, transport: ServerTransport): Promise<void> {
    const isFull = this.#sessions.size + this.#opening >= MAX_SESSIONS;
    if (isFull || this.#isClosed) throw new ServiceUnavailableError();
    this.#opening += 1;
    try {
      const server = await this.#options.openServer();
      if (this.#isClosed) {
        await server.close();
        throw new ServiceUnavailableError();
      }
      const client = new HttpClientSide(transport);
      const filter = this.#options.openFilter();
      const proxying = runProxy({ client, server, filter, subject: () => subject });
      const ended = Promise.allSettled([proxying]).then(() => this.#forget(id));
      const idle = setTimeout(() => void transport.close(), IDLE_MS).unref();
      this.#sessions.set(id, { subject, transport, idle, ended });
    } finally {
      this.#opening -= 1;
    }
  }

  #forget(id: string): void {
    clearTimeout(this.#sessions.get(id)?.idle);
    this.#sessions.delete(id);
  }
}

class HttpClientSide implements Side {
  readonly #transport: ServerTransport;

  constructor(transport: ServerTransport) {
    this.#transport = transport;
  }

  run(receive: Receive): Promise<void> {
    this.#transport.onmessage = (value) => void passOn({ kind: "message", value }, receive);
    return new Promise((resolve) => {
      this.#transport.onclose = resolve;
    });
  }

  async send(message: Sent): Promise<void> {
    const messages = Array.isArray(message) ? message : [message];
    for (const one of messages) await this.#transport.send(one);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
