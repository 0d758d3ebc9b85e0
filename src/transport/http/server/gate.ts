/** Lets requests in: against web pages, unknown callers and floods. */
import type { Connection, Evidence } from "../../../auth/authenticator.js";
import { type Identified, identify } from "../../../auth/identify.js";
import type { MaybePromise } from "../../../vault/contracts.js";
import { RateLimitedError, UnauthenticatedError } from "../../../vault/errors.js";
import { isPromise } from "../../../vault/maybe-promise.js";
import { FailureLimit } from "../../limits/failure-limit.js";
import { RateLimit } from "../../limits/limits.js";
import type { HandlerSettings } from "./options.js";
import { REFUSALS, RefusedError } from "./refusal.js";

/** An authenticator reads the same few headers of every request. */
const MAX_CREDENTIAL_HEADERS = 16;
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Who sent a request. */
export type Sender = Identified;

/** Who sent a request that shows no credential. */
export const NOBODY: unique symbol = Symbol("nobody");

/** What has to be known of a request to let it in. */
export type GateRequest = Pick<
  HttpRequest,
  "connection" | "header" | "single" | "awaiting" | "authenticated"
>;

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
  /** Returns what the request waits for before anything is done; throws if the server stops meanwhile. */
  awaiting?<T>(awaited: Promise<T>): Promise<T>;
  /** Called as soon as it is known who sent the request. */
  authenticated?(): void;
}

/** Decides which requests are answered at all. */
export class Gate {
  readonly #settings: HandlerSettings;
  readonly #failures: FailureLimit | undefined;
  readonly #rate: RateLimit | undefined;
  /** The headers that the authenticator has asked for: what stands in them is a credential. */
  readonly #credentialHeaders = new Set(["authorization"]);

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
   * @throws AuthenticatorFailedError The authenticator failed by itself.
   */
  async callerOf(request: GateRequest): Promise<Sender> {
    const attempt = this.#attempt(request);
    const caller = await (isPromise(attempt) ? (request.awaiting?.(attempt) ?? attempt) : attempt);
    if (caller === undefined) throw new UnauthenticatedError();
    return this.#admit(request, caller);
  }

  /**
   * Returns who sent a request, or {@link NOBODY} if it shows no token and nothing else tells: for what
   * everybody may have.
   */
  async callerOrNobody(request: GateRequest): Promise<Sender | typeof NOBODY> {
    if (request.header("authorization") !== undefined) return this.callerOf(request);
    this.#checkConnection(request);
    const caller = await this.#identify(request);
    return caller === undefined ? NOBODY : this.#admit(request, caller);
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
    // What a request says is believed on this machine only, wherever the handler is mounted.
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

  /** Returns what reads the credential of a request, anew only if more headers are known for credentials. */
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

  /** Returns the text of all that a request shows for a credential; `undefined` if it shows nothing. */
  #credentialOf({ header, connection }: GateRequest): string | undefined {
    let text = "";
    const add = (kind: string, value: string | undefined): void => {
      // No header holds a line feed.
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
