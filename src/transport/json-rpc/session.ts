import type { Authenticator, Connection, Evidence } from "../../auth/authenticator.js";
import { type Identified, identify, isStillValid } from "../../auth/identify.js";
import { typeFault } from "../../vault/argument-errors.js";
import { RateLimitedError, UnauthenticatedError } from "../../vault/errors.js";
import { bareResult, withIds } from "../compat/original.js";
import { giveJsonData, takeJsonData } from "../json/payload-data.js";
import { type FailureLimit, originOf } from "../limits/failure-limit.js";
import type { RateLimit } from "../limits/limits.js";
import type { NotBegun } from "../limits/not-started.js";
import type { ErrorReports } from "../service/error-reports.js";
import { isOperationName, type OperationName } from "../service/operations.js";
import { invalidRequest, methodNotFound, type RpcRequest } from "./messages.js";
import { namedParams } from "./positions.js";

type MaybeCaller = Identified | undefined;

/** The state that all sessions of one server share. */
export interface SessionContext {
  readonly service: {
    call(operation: string, params: unknown, caller: MaybeCaller): Promise<object>;
  };
  readonly auth: Authenticator;
  readonly failures: FailureLimit;
  readonly reports: ErrorReports;
  readonly notBegun: NotBegun;
  /** The rate limit for each caller, if there is one. */
  readonly rate: RateLimit | undefined;
}

/** Returns the caller of one request in a frame. */
type CallerOf = (authorization: string | undefined) => Promise<MaybeCaller>;

const MAX_FAILURES = 3;
const BEARER = /^bearer +/i;

/** The caller of a connection: its remembered token, and its failed authentications so far. */
export class Session {
  readonly #context: SessionContext;
  readonly #connection: Connection;
  #token: string | undefined;
  /** The caller that the remembered token identified at its last verification. */
  #caller: MaybeCaller;
  #isAuthenticated = false;
  #failures = 0;
  /** The last verification of a credential that was not accepted before. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(context: SessionContext, connection: Connection) {
    this.#context = context;
    this.#connection = connection;
  }

  /** Whether a credential, or the connection itself, has identified the caller. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** Whether so many credentials were refused that the connection must close. */
  get hasFailed(): boolean {
    return this.#failures >= MAX_FAILURES;
  }

  /** Checks whether the connection alone identifies the caller, for example by a certificate. */
  async greet(): Promise<void> {
    try {
      await this.#context.notBegun.unlessStopped(this.#authenticate(undefined));
    } catch {
      // The response to the first request reports this error.
    }
  }

  /**
   * Returns a function that performs the requests of a frame that has just arrived, with its credential
   * fixed.
   */
  performer({ isBatch }: { readonly isBatch: boolean }): (request: RpcRequest) => Promise<unknown> {
    const callerOf = this.#callerOfFrame();
    return async (request) => {
      const name = request.method.replace(/^vault\./, "");
      const { reports, notBegun } = this.#context;
      if (name === "authenticate") {
        if (isBatch) throw invalidRequest();
        return await reports.noting(() => notBegun.unlessStopped(this.#remember(request)));
      }
      if (!isOperationName(name)) throw methodNotFound();
      return await reports.noting(async () => {
        const caller = await notBegun.unlessStopped(callerOf(request.authorization));
        return this.#perform(name, request, caller);
      });
    };
  }

  async #perform(name: OperationName, request: RpcRequest, caller: MaybeCaller): Promise<unknown> {
    this.#checkRate(caller);
    const params = takeJsonData(name, withIds(namedParams(name, request.params)));
    const result = await this.#context.service.call(name, params, caller);
    return request.isBare ? bareResult(name, result) : giveJsonData(name, result);
  }

  /** Verifies each credential of a frame once, however many of its requests contain it. */
  #callerOfFrame(): CallerOf {
    const [remembered, lastCaller] = [this.#token, this.#caller];
    const seen = new Map<string | undefined, Promise<MaybeCaller>>();
    return (authorization) => {
      const token = authorization === undefined ? remembered : authorization.replace(BEARER, "");
      const known = seen.get(token);
      if (known !== undefined) return known;
      const caller = token === remembered ? this.#askAgain(token, lastCaller) : this.#try(token);
      seen.set(token, caller);
      return caller;
    };
  }

  async #remember({ params }: RpcRequest): Promise<object> {
    const { token } = namedParams("authenticate", params) as { token?: unknown };
    if (typeof token !== "string") throw typeFault("token", "string");
    const bare = token.replace(BEARER, "");
    this.#token = undefined;
    this.#caller = undefined;
    const caller = await this.#try(bare);
    if (caller === undefined) throw new UnauthenticatedError();
    this.#token = bare;
    this.#caller = caller;
    return { ok: true };
  }

  /** Verifies a credential again that this connection used before, as often as necessary. */
  async #askAgain(token: string | undefined, last: MaybeCaller): Promise<MaybeCaller> {
    const { auth } = this.#context;
    if (typeof last === "object" && (await isStillValid(auth, last))) return last;
    const caller = await this.#authenticate(token);
    if (token === this.#token) this.#caller = caller;
    return caller;
  }

  /** Verifies new credentials one after the other: several at once could exceed the failures allowed. */
  #try(token: string | undefined): Promise<MaybeCaller> {
    const caller = this.#looking.then(() => {
      if (this.hasFailed) throw new UnauthenticatedError();
      return this.#authenticate(token);
    });
    this.#looking = caller.catch(() => undefined);
    return caller;
  }

  async #authenticate(token: string | undefined): Promise<MaybeCaller> {
    const [connection, { auth, failures }] = [this.#connection, this.#context];
    const evidence: Evidence = {
      bearerToken: token,
      header: () => undefined,
      hasHeader: () => false,
      connection,
    };
    const look = () => identify(auth, evidence);
    const caller = await failures.attempt({ connection, credential: () => token, look });
    if (caller !== undefined || token === undefined) return this.#note(caller);
    this.#failures++;
    throw new UnauthenticatedError();
  }

  #note(caller: MaybeCaller): MaybeCaller {
    if (caller !== undefined) this.#isAuthenticated = true;
    return caller;
  }

  /** A caller without its own principal is identified by its address. */
  #checkRate(caller: MaybeCaller): void {
    const { rate } = this.#context;
    if (rate === undefined) return;
    const key = typeof caller === "object" ? `as ${caller.principal}` : originOf(this.#connection);
    const retryAfterSeconds = rate.retryAfterSeconds(key);
    if (retryAfterSeconds !== undefined) throw new RateLimitedError(retryAfterSeconds);
    rate.count(key);
  }
}
