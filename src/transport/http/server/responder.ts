/** Turns a request into its response, for every server and framework. */
import { Buffer } from "node:buffer";
import { ServiceUnavailableError } from "../../../vault/errors.js";
import type { Vault } from "../../../vault/vault.js";
import { ByteBudget, Reservation } from "../../limits/byte-budget.js";
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
/** Unsealed payloads must not be cached, and browsers must not guess their type. */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** The response to a request. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The size of the body in bytes of UTF-8. */
  readonly bodyBytes: number;
}

/** Answers requests to one vault, up to the configured number at once. */
export abstract class HttpResponder {
  protected readonly gate: Gate;
  protected readonly settings: HandlerSettings;
  protected readonly service: VaultService;
  readonly #inFlight: InFlightLimit;
  readonly #bytes: ByteBudget;
  readonly #notBegun = new NotBegun();

  constructor(vault: Vault, settings: HandlerSettings) {
    const { publicSafeViews, gatewayPrincipals, reports } = settings;
    this.gate = new Gate(settings);
    this.settings = settings;
    this.service = new VaultService(vault, { publicSafeViews, gatewayPrincipals, reports });
    this.#inFlight = new InFlightLimit(settings.maxInFlight);
    this.#bytes = new ByteBudget(settings.maxBufferedBytes);
  }

  /** Returns the response to a request; never rejects. */
  async respond(request: HttpRequest): Promise<HttpResponse> {
    const place = new Place(this.#inFlight, this.#bytes);
    const readBody: HttpRequest["readBody"] = async (maxBytes) => {
      // Releases the slot while the response is sent, so that a slow client does not block other requests.
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

  /** Refuses all requests that have not begun, now and later; those in progress continue. */
  stop(): void {
    this.#notBegun.stop();
  }

  /** Returns the response for an error. */
  refusal(error: unknown, request: Pick<HttpRequest, "header">): HttpResponse {
    return responseTo(error, request, this.settings.reports);
  }

  /** Counts a response that will be sent; returns a function to call once it is no longer in memory. */
  keep({ bodyBytes }: HttpResponse): () => void {
    const kept = new Reservation(this.#bytes);
    kept.draw(bodyBytes);
    return () => kept.giveBack();
  }

  /** Returns the response to a request that was admitted. */
  protected abstract dispatch(request: HttpRequest): Promise<HttpResponse>;

  /** Called right before the vault is called. @throws ServiceUnavailableError The server is stopping. */
  protected begin(): void {
    this.#notBegun.begin();
  }
}

/** The slot of one request in progress, and its reservation in the byte budget for its body. */
class Place {
  readonly #inFlight: InFlightLimit;
  readonly #body: Reservation;
  #leave: (() => void) | undefined;
  #isGivenUp = false;

  constructor(inFlight: InFlightLimit, bytes: ByteBudget) {
    this.#inFlight = inFlight;
    this.#body = new Reservation(bytes);
  }

  enter(): void {
    this.#leave = this.#isGivenUp ? undefined : this.#inFlight.enter();
    if (this.#leave === undefined) throw new ServiceUnavailableError();
  }

  leave(): void {
    this.#leave?.();
  }

  /** Counts body bytes as they arrive. An announced length alone reserves nothing. */
  takeRoom(bytes: number): void {
    if (this.#isGivenUp || !this.#body.take(bytes)) throw new ServiceUnavailableError();
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#body.giveBack();
    this.#leave?.();
  }
}

/** Returns the response for a success. */
export function success(status: number, contentType: string, body: string): HttpResponse {
  return responseOf(status, body, { "content-type": contentType });
}

function responseOf(
  status: number,
  body: string,
  own: Readonly<Record<string, string>>,
): HttpResponse {
  const headers = { [REQUEST_ID_HEADER]: newRequestId(), ...HEADERS, ...own };
  return { status, headers, body, bodyBytes: Buffer.byteLength(body) };
}

/** Returns the response for an error; reports a fault of the server. */
export function responseTo(
  error: unknown,
  request: Pick<HttpRequest, "header">,
  reports: ErrorReports,
): HttpResponse {
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
): HttpResponse {
  const body = JSON.stringify({ error: message, code, details, request_id: requestId });
  const own = { "content-type": "application/json", [REQUEST_ID_HEADER]: requestId, ...headers };
  return responseOf(status, body, own);
}

/** Headers that advise the client what to do: RFC 6750 section 3, RFC 9110 section 10.2.3. */
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
