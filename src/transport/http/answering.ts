/** From a request to its answer, whichever framework or server it came through. */
import { randomHex } from "../../primitives/random-pool.js";
import { ServiceUnavailableError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { toWireError } from "../error-table.js";
import { giveJsonData, readJsonParams, takeJsonData, writeJson } from "../json-data.js";
import { InFlightLimit } from "../limits.js";
import type { OperationName } from "../operations.js";
import { VaultService } from "../service.js";
import { checkBodyHeaders } from "./body.js";
import { Gate, type HttpRequest } from "./gate.js";
import { openApiDocument } from "./openapi-document.js";
import type { HandlerSettings } from "./options.js";
import { REFUSALS, type Refusal, RefusedError } from "./refusal.js";
import { PRINCIPAL_HEADER, ROUTES } from "./route-table.js";
import { decoded, matchRoute, type Target } from "./routes.js";

const REQUEST_ID_BYTES = 8;
const RETRY_AFTER_SECONDS = 1;
const HEADERS = {
  "content-type": "application/json",
  // What is unsealed stays with whoever asked for it.
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** The answer to a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers requests to one vault. */
export class HttpAnswers {
  readonly #settings: HandlerSettings;
  readonly #service: VaultService;
  readonly #inFlight: InFlightLimit;
  readonly #gate: Gate;

  constructor(vault: Vault, settings: HandlerSettings) {
    const { publicSafeViews, gatewayPrincipals } = settings;
    this.#settings = settings;
    this.#service = new VaultService(vault, {
      publicSafeViews,
      ...(gatewayPrincipals === undefined ? {} : { gatewayPrincipals }),
    });
    this.#inFlight = new InFlightLimit(settings.maxInFlight);
    this.#gate = new Gate(settings);
  }

  /** Returns the answer to a request; never fails. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const leave = this.#inFlight.enter();
    try {
      if (leave === undefined) throw new ServiceUnavailableError();
      return await this.#dispatch(request);
    } catch (error) {
      return answerTo(error, request);
    } finally {
      leave?.();
    }
  }

  async #dispatch(request: HttpRequest): Promise<HttpAnswer> {
    this.#gate.checkOrigin(request);
    const { target, id } = this.#route(request);
    if (target === "openapi") return success(200, openApiDocument);
    const { method, status } = ROUTES[target];
    const caller = this.#isOpen(target) ? undefined : await this.#gate.callerOf(request);
    const params = method === "POST" ? await this.#readParams(target, request) : named(request);
    const whole = id === undefined ? params : { ...params, id };
    return success(status, giveJsonData(target, await this.#service.call(target, whole, caller)));
  }

  #route({ method, path }: HttpRequest): { target: Target; id?: string | undefined } {
    const { basePath } = this.#settings;
    if (!path.startsWith(basePath)) throw new RefusedError(REFUSALS.noRoute);
    const match = matchRoute(method, path.slice(basePath.length));
    if ("target" in match) return match;
    if (match.allow.length === 0) throw new RefusedError(REFUSALS.noRoute);
    const allow = match.allow.join(", ");
    throw new RefusedError({ ...REFUSALS.method, headers: { allow } });
  }

  #isOpen(target: OperationName): boolean {
    return target === "health" || (target === "get_safe_view" && this.#settings.publicSafeViews);
  }

  async #readParams(target: OperationName, request: HttpRequest): Promise<object> {
    const { maxBodyBytes } = this.#settings;
    if (request.bodyUsed) throw new RefusedError(REFUSALS.bodyUsed);
    checkBodyHeaders(request.header, maxBodyBytes);
    const params = parsed(await request.readBody(maxBodyBytes));
    return takeJsonData(target, params) as object;
  }
}

function parsed(text: string): object {
  const params = readable(text);
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new RefusedError(REFUSALS.malformed);
  }
  return params;
}

function readable(text: string): unknown {
  try {
    return readJsonParams(text);
  } catch (error) {
    // The engine's own text shows a piece of what it could not read.
    throw error instanceof SyntaxError ? new RefusedError(REFUSALS.malformed) : error;
  }
}

/** The parameters of a request without a body. */
function named({ header }: HttpRequest): object {
  const encoded = header(PRINCIPAL_HEADER);
  if (encoded === undefined) return {};
  // A bare comma is of two headers: to take neither would be to act for nobody in particular.
  const principal = encoded.includes(",") ? undefined : decoded(encoded);
  if (principal === undefined) throw new RefusedError(REFUSALS.principal);
  return { requesting_principal: principal };
}

function success(status: number, body: unknown): HttpAnswer {
  return { status, headers: HEADERS, body: writeJson(body) };
}

/** Returns the answer that tells of an error. */
export function answerTo(error: unknown, request: Pick<HttpRequest, "header">): HttpAnswer {
  if (error instanceof RefusedError) return failure(error.refusal);
  const { status, code, message, retryAfterSeconds } = toWireError(error);
  return failure({ status, code, message, headers: hints(status, request, retryAfterSeconds) });
}

function failure({ status, code, message, headers }: Refusal): HttpAnswer {
  const body = { error: message, code, request_id: randomHex(REQUEST_ID_BYTES) };
  return { status, headers: { ...HEADERS, ...headers }, body: JSON.stringify(body) };
}

/** What a client should do about it: RFC 6750 section 3, RFC 9110 section 10.2.3. */
function hints(
  status: number,
  { header }: Pick<HttpRequest, "header">,
  retryAfterSeconds: number | undefined,
): Record<string, string> {
  if (status === 401) {
    const shown = header("authorization") === undefined ? "" : ', error="invalid_token"';
    return { "www-authenticate": `Bearer realm="handlevault"${shown}` };
  }
  if (status !== 429 && status !== 503) return {};
  return { "retry-after": String(Math.ceil(retryAfterSeconds ?? RETRY_AFTER_SECONDS)) };
}
