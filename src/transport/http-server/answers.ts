/** From a request to its answer, whichever framework or server it came through. */
import { Buffer } from "node:buffer";
import { ServiceUnavailableError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { Allowance, Share } from "../allowance.js";
import { type ErrorReports, InternalError, newRequestId } from "../error-reports.js";
import { toWireError } from "../error-table.js";
import { InFlightLimit } from "../limits.js";
import { VaultService } from "../service.js";
import { Gate, type HttpRequest } from "./gate.js";
import type { HandlerSettings } from "./options.js";
import { type Refusal, RefusedError } from "./refusal.js";

const RETRY_AFTER_SECONDS = 1;
/** What is unsealed stays with whoever asked for it, and is what it says it is. */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** The answer to a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Bytes of UTF-8 that the body takes. */
  readonly bodyBytes: number;
}

/** Answers requests to one vault, as many at once as the settings have it. */
export abstract class HttpAnswers {
  protected readonly gate: Gate;
  protected readonly settings: HandlerSettings;
  protected readonly service: VaultService;
  readonly #inFlight: InFlightLimit;
  readonly #bytes: Allowance;

  constructor(vault: Vault, settings: HandlerSettings) {
    const { publicSafeViews, gatewayPrincipals, reports } = settings;
    this.gate = new Gate(settings);
    this.settings = settings;
    this.service = new VaultService(vault, { publicSafeViews, gatewayPrincipals, reports });
    this.#inFlight = new InFlightLimit(settings.maxInFlight);
    this.#bytes = new Allowance(settings.maxBufferedBytes);
  }

  /** Returns the answer to a request; never fails. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const body = new Share(this.#bytes);
    let leave: (() => void) | undefined;
    const readBody: HttpRequest["readBody"] = async (maxBytes) => {
      // Whoever is slow to send keeps no place from others.
      leave?.();
      const bytes = await request.readBody(maxBytes, (arrived) => takeRoom(body, arrived));
      leave = this.#enter();
      return bytes;
    };
    try {
      leave = this.#enter();
      this.gate.checkOrigin(request);
      return await this.dispatch({ ...request, readBody });
    } catch (error) {
      return this.refusal(error, request);
    } finally {
      body.giveBack();
      leave?.();
    }
  }

  /** Returns the answer that tells of an error. */
  refusal(error: unknown, request: Pick<HttpRequest, "header">): HttpAnswer {
    return answerTo(error, request, this.settings.reports);
  }

  /** Takes one of the places of requests that are worked on, and returns how to leave it. */
  #enter(): () => void {
    const leave = this.#inFlight.enter();
    if (leave === undefined) throw new ServiceUnavailableError();
    return leave;
  }

  /** Counts an answer that is to be sent; returns what to call when it no longer is in memory. */
  keep({ bodyBytes }: HttpAnswer): () => void {
    const kept = new Share(this.#bytes);
    kept.draw(bodyBytes);
    return () => kept.giveBack();
  }

  /** Returns the answer to a request that may be looked at. */
  protected abstract dispatch(request: HttpRequest): Promise<HttpAnswer>;
}

/** Counts a body as it arrives: what was only announced takes no room from others. */
function takeRoom(body: Share, bytes: number): void {
  if (!body.take(bytes)) throw new ServiceUnavailableError();
}

/** Returns the answer that tells of success. */
export function success(status: number, contentType: string, body: string): HttpAnswer {
  const headers = { "content-type": contentType, ...HEADERS };
  return { status, headers, body, bodyBytes: Buffer.byteLength(body) };
}

/** Returns the answer that tells of an error; one of the server's own is reported. */
export function answerTo(
  error: unknown,
  request: Pick<HttpRequest, "header">,
  reports: ErrorReports,
): HttpAnswer {
  if (error instanceof RefusedError) return failure(error.refusal);
  const noted = reports.noted(error);
  const { status, code, message, retryAfterSeconds } = toWireError(noted);
  const refusal = { status, code, message, headers: hints(status, request, retryAfterSeconds) };
  return failure(refusal, noted instanceof InternalError ? noted.requestId : undefined);
}

function failure(
  { status, code, message, headers }: Refusal,
  requestId: string = newRequestId(),
): HttpAnswer {
  const body = { error: message, code, request_id: requestId };
  const { headers: own, ...answer } = success(status, "application/json", JSON.stringify(body));
  return { ...answer, headers: { ...own, ...headers } };
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
