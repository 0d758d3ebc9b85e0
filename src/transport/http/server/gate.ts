/** Admits requests: refuses those of web pages, of unknown callers, and over a rate limit. */
import type { Connection, Evidence } from "../../../auth/authenticator.js";
import { type Identified, identify } from "../../../auth/identify.js";
import type { MaybePromise } from "../../../vault/contracts.js";
import { RateLimitedError, UnauthenticatedError } from "../../../vault/errors.js";
import { isPromise } from "../../../vault/maybe-promise.js";
import { FailureLimit } from "../../limits/failure-limit.js";
import { RateLimit } from "../../limits/limits.js";
import type { HandlerSettings } from "./options.js";
import { REFUSALS, RefusedError } from "./refusal.js";

/** A bound, because an authenticator reads the same few headers of every request. */
const MAX_CREDENTIAL_HEADERS = 16;
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** The caller that sent a request. */
export type Sender = Identified;

/** The sender of a request without a credential. */
export const ANONYMOUS: unique symbol = Symbol("anonymous");

/** The parts of a request that are needed to admit it. */
export type GateRequest = Pick<
  HttpRequest,
  "connection" | "header" | "single" | "awaiting" | "authenticated"
>;

/**
 * Called with the number of additional bytes of a body before they are kept; throws when the budget is
 * exhausted.
 */
export type OnBytes = (bytes: number) => void;

/** A request, independent of the server or framework that received it. */
export interface HttpRequest {
  readonly method: string;
  /** The path as sent, without the query. */
  readonly path: string;
  readonly connection: Connection | undefined;
  /** Whether other code has already read the body. */
  readonly bodyUsed: boolean;
  /** Returns a header; values of repeated headers are joined by commas. */
  header(name: string): string | undefined;
  /** Returns a header if it was sent only once, as far as the framework allows checking that. */
  single(name: string): string | undefined;
  /** Returns the body. @throws RequestTooLargeError The body is too large. */
  readBody(maxBytes: number, arrived?: OnBytes): Promise<Uint8Array>;
  /** Waits for a promise before the operation begins; throws if the server stops first. */
  awaiting?<T>(awaited: Promise<T>): Promise<T>;
  /** Called as soon as the caller is authenticated. */
  authenticated?(): void;
}

/** Decides which requests are admitted. */
export class Gate {
  readonly #settings: HandlerSettings;
  readonly #failures: FailureLimit | undefined;
  readonly #rate: RateLimit | undefined;
  /** The headers that the authenticator has read: their values count as credentials. */
  readonly #credentialHeaders = new Set(["authorization"]);

  constructor(settings: HandlerSettings) {
    const { requestsPerMinute, failedAuthenticationsPerMinute } = settings;
    this.#settings = settings;
    if (failedAuthenticationsPerMinute !== "unlimited") {
      this.#failures = new FailureLimit({ perMinute: failedAuthenticationsPerMinute });
    }
    if (requestsPerMinute !== undefined) {
      this.#rate = new RateLimit({ perMinute: requestsPerMinute });
    }
  }

  /**
   * Refuses requests of web pages from other sites, and of pages whose host name resolves to this machine.
   */
  checkOrigin({ header, connection }: GateRequest): void {
    const { allowedHosts, allowedOrigins } = this.#settings;
    const origin = header("origin");
    if (origin !== undefined && !allowedOrigins.has(origin.toLowerCase())) {
      throw new RefusedError(REFUSALS.origin);
    }
    // Web pages cannot reach a Unix socket, and its clients may send any host name.
    const isUnix = connection?.isLocal === true && connection.remoteAddress === undefined;
    if (allowedHosts === undefined || isUnix) return;
    if (!allowedHosts.has(hostOf(header("host")))) throw new RefusedError(REFUSALS.host);
  }

  /**
   * Returns the caller that sent a request.
   *
   * @throws {@link UnauthenticatedError} The request does not identify its caller.
   * @throws {@link RateLimitedError} The address had too many failures, or the caller sends too many
   * requests.
   * @throws AuthenticatorFailedError The authenticator has a fault.
   */
  async callerOf(request: GateRequest): Promise<Sender> {
    const attempt = this.#attempt(request);
    const caller = await (isPromise(attempt) ? (request.awaiting?.(attempt) ?? attempt) : attempt);
    if (caller === undefined) throw new UnauthenticatedError();
    return this.#admit(request, caller);
  }

  /**
   * Returns the caller, or {@link ANONYMOUS} if the request has no token and no other evidence identifies it.
   * For
   * operations that need no caller.
   */
  async callerOrAnonymous(request: GateRequest): Promise<Sender | typeof ANONYMOUS> {
    if (request.header("authorization") !== undefined) return this.callerOf(request);
    this.#checkConnection(request);
    const caller = await this.#identify(request);
    return caller === undefined ? ANONYMOUS : this.#admit(request, caller);
  }

  #attempt(request: GateRequest): MaybePromise<Sender | undefined> {
    this.#checkConnection(request);
    const { connection } = request;
    const failures = this.#failures;
    if (connection === undefined || failures === undefined) return this.#identify(request);
    const look = () => this.#identify(request);
    return failures.attempt({ connection, credential: this.#credentialReader(request), look });
  }

  #checkConnection({ connection }: GateRequest): void {
    const isNeeded = this.#settings.auth.localOnly === true || this.#failures !== undefined;
    if (connection === undefined && isNeeded) throw new RefusedError(REFUSALS.noConnection);
  }

  #identify(request: GateRequest): MaybePromise<Sender | undefined> {
    const { auth } = this.#settings;
    // A request's own claims are trusted only from this machine, wherever the handler is mounted.
    const isBelieved = auth.localOnly !== true || request.connection?.isLocal === true;
    return isBelieved ? identify(auth, this.#evidenceOf(request)) : undefined;
  }

  #evidenceOf({ header, single, connection }: GateRequest): Evidence {
    return {
      bearerToken: BEARER.exec(header("authorization") ?? "")?.[1],
      header: (name) => {
        if (this.#credentialHeaders.size < MAX_CREDENTIAL_HEADERS) {
          this.#credentialHeaders.add(name.toLowerCase());
        }
        return single(name);
      },
      hasHeader: (name) => header(name.toLowerCase()) !== undefined,
      connection,
    };
  }

  /**
   * Returns a function that reads a request's credential. It reads again only if more credential headers have
   * become known.
   */
  #credentialReader(request: GateRequest): () => string | undefined {
    let headersKnown = 0;
    let credential: string | undefined;
    return () => {
      const { size } = this.#credentialHeaders;
      if (size !== headersKnown) credential = this.#credentialOf(request);
      headersKnown = size;
      return credential;
    };
  }

  /** Returns the text of all credentials in a request; `undefined` if it has none. */
  #credentialOf({ header, connection }: GateRequest): string | undefined {
    let text = "";
    const add = (kind: string, value: string | undefined): void => {
      // A line feed separates the values, because no header contains one.
      if (value !== undefined) text += `${kind}: ${value}\n`;
    };
    add("certificate", connection?.peerCertificate?.fingerprint256);
    for (const name of this.#credentialHeaders) add(`header ${name}`, header(name));
    return text === "" ? undefined : text;
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

function throwIfLimited(retryAfterSeconds: number | undefined): void {
  if (retryAfterSeconds !== undefined) throw new RateLimitedError(retryAfterSeconds);
}

function hostOf(host: string | undefined): string {
  return (host ?? "").toLowerCase().replace(/:\d+$/, "");
}
