/** The sessions of HTTP clients. Each session belongs to one subject and has its own server connection. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { MessageFilter } from "../mcp/filter/message-filter.js";
import { isObject, isRequestId, type RequestId } from "../mcp/protocol/messages.js";
import { clearTimeout, setTimeout } from "../primitives/timers.js";
import type { HttpRequest } from "../transport/http/server/gate.js";
import { REFUSALS, RefusedError } from "../transport/http/server/refusal.js";
import { ServiceUnavailableError } from "../vault/errors.js";
import { type Endpoint, forwardTo, type Receive, type Sent } from "./endpoint.js";
import { runProxy } from "./proxy.js";
import { RPC_REFUSALS, RpcRefusedError } from "./rpc-refusals.js";

/** The part of the SDK's transport that is used here. */
export interface ServerTransport {
  onmessage?: ((message: unknown) => void) | undefined;
  onclose?: (() => void) | undefined;
  send(message: unknown): Promise<void>;
  close(): Promise<void>;
  /** Handles a request. `posted` is the parsed message, so the body is not parsed again. */
  handleRequest(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    posted: object | undefined,
  ): Promise<void>;
}

/** The events of a transport that concern its session. */
interface SessionEvents {
  readonly sessionIdGenerator: () => string;
  readonly onsessioninitialized: (id: string) => Promise<void>;
}

/** The limits on concurrent sessions. */
export interface SessionLimits {
  readonly max: number;
  /** The limit for each subject. */
  readonly perSubject: number;
}

/** Options of {@link HttpSessions}. */
export interface HttpSessionsOptions {
  readonly limits: SessionLimits;
  readonly openServer: () => Promise<Endpoint>;
  readonly openFilter: () => MessageFilter;
  readonly openTransport: (events: SessionEvents) => ServerTransport;
}

/** A request without a session id, which may begin a session. */
export interface Beginning {
  readonly subject: string;
  /** The parsed body; `undefined` if there was none. */
  readonly posted: object | undefined;
  /** Handles the request with a transport. */
  readonly handle: (transport: ServerTransport) => Promise<void>;
}

interface Session {
  readonly subject: string;
  readonly transport: ServerTransport;
  readonly idle: NodeJS.Timeout;
  readonly ended: Promise<unknown>;
}

/** Reserves a session while its server connection is being opened. */
interface Place {
  readonly subject: string;
  opened?: Promise<Endpoint>;
}

const SESSION_HEADER = "mcp-session-id";
/**
 * Idle sessions end after this time, in milliseconds. A client that returns later gets an error and begins a
 * new session.
 */
const IDLE_MS = 30 * 60_000;

export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #opening = new Set<Place>();
  #isClosed = false;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  /**
   * Returns the transport of the session that a request names; `undefined` if it names none.
   *
   * @throws RefusedError The subject has no such session.
   */
  transportOf(
    subject: string,
    { single, header }: Pick<HttpRequest, "single" | "header">,
  ): ServerTransport | undefined {
    if (header(SESSION_HEADER) === undefined) return undefined;
    const session = this.#sessions.get(single(SESSION_HEADER) ?? "");
    if (session === undefined || session.subject !== subject) {
      throw new RefusedError(REFUSALS.noRoute);
    }
    session.idle.refresh();
    return session.transport;
  }

  /**
   * Begins a session if the request asks for one; the transport refuses any other request.
   *
   * @throws RpcRefusedError There are too many sessions, or the server connection cannot be opened.
   * @throws {@link ServiceUnavailableError} The proxy is stopping.
   */
  async begin({ subject, posted, handle }: Beginning): Promise<void> {
    const asked = initializeId(posted);
    if (asked === undefined) return handle(this.#openTransport(refuseSession));
    const place = this.#takePlace(subject, asked);
    let server: Endpoint | undefined;
    try {
      server = await this.#openServer(place, asked);
      const opened = server;
      const transport = this.#openTransport((id) => this.#start(id, place, { transport, opened }));
      await handle(transport);
    } finally {
      // The transport refused the request, so the server connection is not needed.
      if (this.#opening.delete(place)) await server?.close();
    }
  }

  /** Ends all sessions and closes their server connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#opening].map(closeOpened));
    const sessions = [...this.#sessions.values()];
    await Promise.all(sessions.map(({ transport }) => transport.close()));
    await Promise.all(sessions.map(({ ended }) => ended));
  }

  #openTransport(start: (id: string) => void): ServerTransport {
    return this.#options.openTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: async (id) => start(id),
    });
  }

  #takePlace(subject: string, asked: RequestId): Place {
    if (this.#isClosed) throw new ServiceUnavailableError();
    const { max, perSubject } = this.#options.limits;
    const taken = [...this.#sessions.values(), ...this.#opening];
    const own = taken.filter((one) => one.subject === subject);
    if (own.length >= perSubject) throw new RpcRefusedError(RPC_REFUSALS.shareTaken, asked);
    if (taken.length >= max) throw new RpcRefusedError(RPC_REFUSALS.full, asked);
    const place = { subject };
    this.#opening.add(place);
    return place;
  }

  async #openServer(place: Place, asked: RequestId): Promise<Endpoint> {
    place.opened = this.#options.openServer();
    const server = await place.opened.catch(() => {
      throw new RpcRefusedError(RPC_REFUSALS.noServer, asked);
    });
    if (!this.#isClosed) return server;
    await server.close();
    throw new ServiceUnavailableError();
  }

  #start(
    id: string,
    place: Place,
    {
      transport,
      opened: server,
    }: { readonly transport: ServerTransport; readonly opened: Endpoint },
  ): void {
    if (this.#isClosed) throw new ServiceUnavailableError();
    const { subject } = place;
    const client = new HttpClientEndpoint(transport);
    const filter = this.#options.openFilter();
    const proxying = runProxy({ client, server, filter, subject: () => subject });
    const ended = Promise.allSettled([proxying]).then(() => this.#forget(id));
    const idle = setTimeout(() => void transport.close(), IDLE_MS).unref();
    this.#sessions.set(id, { subject, transport, idle, ended });
    this.#opening.delete(place);
  }

  #forget(id: string): void {
    clearTimeout(this.#sessions.get(id)?.idle);
    this.#sessions.delete(id);
  }
}

/** Returns the id of a single `initialize` request; `undefined` for any other body. */
function initializeId(posted: object | undefined): RequestId | undefined {
  const [only, ...others] = [posted].flat() as readonly unknown[];
  if (others.length > 0 || !isObject(only) || only["method"] !== "initialize") return undefined;
  return isRequestId(only["id"]) ? only["id"] : undefined;
}

function refuseSession(): never {
  throw new ServiceUnavailableError();
}

async function closeOpened({ opened }: Place): Promise<void> {
  await (await opened)?.close();
}

class HttpClientEndpoint implements Endpoint {
  readonly #transport: ServerTransport;

  constructor(transport: ServerTransport) {
    this.#transport = transport;
  }

  run(receive: Receive): Promise<void> {
    this.#transport.onmessage = (value) => void forwardTo({ kind: "message", value }, receive);
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
