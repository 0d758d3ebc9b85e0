/** From a request to its answer, whichever framework or server it came through. */
import { Buffer } from "node:buffer";
import { ServiceUnavailableError } from "../../../vault/errors.js";
import type { Vault } from "../../../vault/vault.js";
import { Allowance, Share } from "../../limits/byte-budget.js";
import { InFlightLimit } from "../../limits/limits.js";
import { NotBegun } from "../../limits/not-started.js";
import { type ErrorReports, InternalError } from "../../service/error-reports.js";
import { type ErrorDetails, toWireError } from "../../service/error-table.js";
import { newRequestId, REQUEST_ID_HEADER } from "../../service/request-id.js";
import { VaultService } from "../../service/service.js";
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
  readonly #notBegun = new NotBegun();

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
    const place = new Place(this.#inFlight, this.#bytes);
    const readBody: HttpRequest["readBody"] = async (maxBytes) => {
      // A slow sender keeps no place from others.
      place.leave();
      const reading = request.readBody(maxBytes, (arrived) => place.takeRoom(arrived));
      const bytes = await this.#notBegun.unlessStopped(reading);
      place.enter();
      return bytes;
    };
    try {
      place.enter();
      this.gate.checkOrigin(request);
      this.begin();
      const awaiting = <T>(awaited: Promise<T>) => this.#notBegun.unlessStopped(awaited);
      return await this.dispatch({ ...request, readBody, awaiting });
    } catch (error) {
      return this.refusal(error, request);
    } finally {
      place.giveUp();
    }
  }

  /** Refuses what has not begun, now and from now on; what has begun goes on. */
  stop(): void {
    this.#notBegun.stop();
  }

  /** Returns the answer that tells of an error. */
  refusal(error: unknown, request: Pick<HttpRequest, "header">): HttpAnswer {
    return answerTo(error, request, this.settings.reports);
  }

  /** Counts an answer that is to be sent; returns what to call when it no longer is in memory. */
  keep({ bodyBytes }: HttpAnswer): () => void {
    const kept = new Share(this.#bytes);
    kept.draw(bodyBytes);
    return () => kept.giveBack();
  }

  /** Returns the answer to a request that may be looked at. */
  protected abstract dispatch(request: HttpRequest): Promise<HttpAnswer>;

  /** To be called right before the vault is asked. @throws ServiceUnavailableError The server stops. */
  protected begin(): void {
    this.#notBegun.begin();
  }
}

/** One of the places of requests that are worked on, and the room that a request's body takes. */
class Place {
  readonly #inFlight: InFlightLimit;
  readonly #body: Share;
  #leave: (() => void) | undefined;
  #isGivenUp = false;

  constructor(inFlight: InFlightLimit, bytes: Allowance) {
    this.#inFlight = inFlight;
    this.#body = new Share(bytes);
  }

  enter(): void {
    this.#leave = this.#isGivenUp ? undefined : this.#inFlight.enter();
    if (this.#leave === undefined) throw new ServiceUnavailableError();
  }

  leave(): void {
    this.#leave?.();
  }

  /** Counts a body as it arrives: what was only announced takes no room from others. */
  takeRoom(bytes: number): void {
    if (this.#isGivenUp || !this.#body.take(bytes)) throw new ServiceUnavailableError();
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#body.giveBack();
    this.#leave?.();
  }
}

/** Returns the answer that tells of success. */
export function success(status: number, contentType: string, body: string): HttpAnswer {
  return answerOf(status, body, { "content-type": contentType });
}

function answerOf(status: number, body: string, own: Readonly<Record<string, string>>): HttpAnswer {
  const headers = { [REQUEST_ID_HEADER]: newRequestId(), ...HEADERS, ...own };
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
  const { status, code, message, details, retryAfterSeconds } = toWireError(noted);
  const headers = hints(status, request, retryAfterSeconds);
  const refusal = { status, code, message, details, headers };
  return failure(refusal, noted instanceof InternalError ? noted.requestId : undefined);
}

function failure(
  {
    status,
    code,
    message,
    details,
    headers,
  }: Refusal & { readonly details?: ErrorDetails | undefined },
  requestId: string = newRequestId(),
): HttpAnswer {
  const body = JSON.stringify({ error: message, code, details, request_id: requestId });
  const own = { "content-type": "application/json", [REQUEST_ID_HEADER]: requestId, ...headers };
  return answerOf(status, body, own);
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
