/** Lets requests in: against web pages, unknown callers and floods. */
import type { Caller, Connection, Evidence, LOCAL_CALLER } from "../../auth/authenticator.js";
import type { MaybePromise } from "../../vault/contracts.js";
import { RateLimitedError, UnauthenticatedError } from "../../vault/errors.js";
import { FailureLimit } from "../failure-limit.js";
import { RateLimit } from "../limits.js";
import type { HandlerSettings } from "./options.js";
import { REFUSALS, RefusedError } from "./refusal.js";

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Who sent a request. */
export type Sender = Caller | typeof LOCAL_CALLER;

/** Who sent a request that shows no credential. */
export const NOBODY: unique symbol = Symbol("nobody");

/** What has to be known of a request to let it in. */
export type GateRequest = Pick<HttpRequest, "connection" | "header" | "single" | "authenticated">;

/** Told how many bytes more of a body are there, before they are kept; throws where there is no room. */
export type Arrived = (bytes: number) => void;

/** What is to be known of a request. */
export interface HttpRequest {
  readonly method: string;
  /** The path as it was sent, without the query. */
  readonly path: string;
  readonly connection: Connection | undefined;
  /** Whether somebody else has read the body. */
  readonly bodyUsed: boolean;
  /** Returns a header, with commas in between if it is sent more than once. */
  header(name: string): string | undefined;
  /** Returns a header that is sent once, as far as can be told. */
  single(name: string): string | undefined;
  /** Returns the body. @throws RequestTooLargeError It is larger. */
  readBody(maxBytes: number, arrived?: Arrived): Promise<Uint8Array>;
  /** Called as soon as it is known who sent the request. */
  authenticated?(): void;
}

/** Decides which requests are answered at all. */
export class Gate {
  readonly #settings: HandlerSettings;
  readonly #failures: FailureLimit | undefined;
  readonly #rate: RateLimit | undefined;

  constructor(settings: HandlerSettings) {
    const { requestsPerMinute, failuresPerMinute } = settings;
    this.#settings = settings;
    if (failuresPerMinute !== "unlimited") {
      this.#failures = new FailureLimit({ perMinute: failuresPerMinute });
    }
    if (requestsPerMinute !== undefined) {
      this.#rate = new RateLimit({ perMinute: requestsPerMinute });
    }
  }

  /** Against web pages: those of other sites, and those whose name leads to this machine. */
  checkOrigin({ header, connection }: GateRequest): void {
    const { allowedHosts, allowedOrigins } = this.#settings;
    const origin = header("origin");
    if (origin !== undefined && !allowedOrigins.has(origin.toLowerCase())) {
      throw new RefusedError(REFUSALS.origin);
    }
    // No web page gets at a Unix socket, and clients name any host there.
    const isUnix = connection?.isLocal === true && connection.remoteAddress === undefined;
    if (allowedHosts === undefined || isUnix) return;
    if (!allowedHosts.has(hostOf(header("host")))) throw new RefusedError(REFUSALS.host);
  }

  /**
   * Returns who sent a request.
   *
   * @throws {@link UnauthenticatedError} The request does not show it.
   * @throws {@link RateLimitedError} Too many of that address failed to, or the caller asks too often.
   */
  async callerOf(request: GateRequest): Promise<Sender> {
    const caller = await this.#attempt(request, () => this.#authenticate(request));
    if (caller === undefined) throw new UnauthenticatedError();
    return this.#admit(request, caller);
  }

  /**
   * Returns who sent a request, or {@link NOBODY} if it shows no token and nothing else tells: for what
   * everybody may have.
   */
  async callerOrNobody(request: GateRequest): Promise<Sender | typeof NOBODY> {
    if (request.header("authorization") !== undefined) return this.callerOf(request);
    const caller = await this.#attempt(
      request,
      async () => (await this.#authenticate(request)) ?? NOBODY,
    );
    return caller === undefined || caller === NOBODY ? NOBODY : this.#admit(request, caller);
  }

  /** Notes that {@link NOBODY} asked for what not everybody may have. */
  refusedNobody({ connection }: GateRequest): void {
    if (connection !== undefined) this.#failures?.failed(connection);
  }

  async #attempt<Found>(
    { connection }: GateRequest,
    look: () => MaybePromise<Found | undefined>,
  ): Promise<Found | undefined> {
    if (connection === undefined && this.#needsConnection) {
      throw new RefusedError(REFUSALS.noConnection);
    }
    if (connection === undefined || this.#failures === undefined) return look();
    return this.#failures.attempt(connection, look);
  }

  get #needsConnection(): boolean {
    return this.#settings.auth.localOnly === true || this.#failures !== undefined;
  }

  #authenticate(request: GateRequest): MaybePromise<Sender | undefined> {
    const { auth } = this.#settings;
    // What a request says is believed on this machine only, wherever the handler is mounted.
    const isBelieved = auth.localOnly !== true || request.connection?.isLocal === true;
    return isBelieved ? auth.authenticate(evidenceOf(request)) : undefined;
  }

  #admit(request: GateRequest, caller: Sender): Sender {
    request.authenticated?.();
    this.#countRequest(typeof caller === "string" ? caller : caller.principal);
    return caller;
  }

  #countRequest(principal: string): void {
    throwIfLimited(this.#rate?.retryAfterSeconds(principal));
    this.#rate?.count(principal);
  }
}

function evidenceOf({ header, single, connection }: GateRequest): Evidence {
  const bearerToken = BEARER.exec(header("authorization") ?? "")?.[1];
  const hasHeader = (name: string) => header(name) !== undefined;
  return { bearerToken, header: single, hasHeader, connection };
}

function throwIfLimited(retryAfterSeconds: number | undefined): void {
  if (retryAfterSeconds !== undefined) throw new RateLimitedError(retryAfterSeconds);
}

function hostOf(host: string | undefined): string {
  return (host ?? "").toLowerCase().replace(/:\d+$/, "");
}
