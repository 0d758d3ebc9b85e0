/** Converts an HTTP request to an XML-RPC call, and the result to a response. */
import { ServiceUnavailableError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { checkBodyHeaders, checkBodyLength, mediaTypePattern } from "../http/server/body.js";
import { ANONYMOUS, type HttpRequest } from "../http/server/gate.js";
import type { HandlerSettings } from "../http/server/options.js";
import { REFUSALS, RefusedError } from "../http/server/refusal.js";
import { HttpResponder, type HttpResponse, success } from "../http/server/responder.js";
import { InFlightLimit } from "../limits/limits.js";
import type { KnownCaller } from "../service/delegation.js";
import { ERROR_DETAILS_HEADER } from "../service/error-table.js";
import { REQUEST_ID_HEADER } from "../service/request-id.js";
import { type CallResponse, respond } from "./exchange.js";

const PATHS: ReadonlySet<string> = new Set(["/", "/RPC2"]);
const XML_TYPE = mediaTypePattern("(?:text|application)/xml");
/** The maximum body size without a credential, when safe views need none. */
const MAX_BODY_BYTES_OF_ANONYMOUS = 64 * 1024;
/**
 * The share of the requests in flight for callers without a credential, so that slow ones cannot block
 * others.
 */
const SHARE_OF_ANONYMOUS = 1 / 4;

/** Answers XML-RPC calls to one vault. */
export class XmlRpcResponder extends HttpResponder {
  readonly #anonymous: InFlightLimit;

  constructor(vault: Vault, settings: HandlerSettings) {
    super(vault, settings);
    this.#anonymous = new InFlightLimit(Math.ceil(settings.maxInFlight * SHARE_OF_ANONYMOUS));
  }

  protected override async dispatch(request: HttpRequest): Promise<HttpResponse> {
    const { maxBodyBytes, publicSafeViews } = this.settings;
    checkPlace(request);
    checkBodyHeaders(request.header, {
      mediaType: XML_TYPE,
      otherMediaType: REFUSALS.xmlMediaType,
      maxBytes: maxBodyBytes,
    });
    const caller = publicSafeViews
      ? await this.gate.callerOrAnonymous(request)
      : await this.gate.callerOf(request);
    if (caller !== ANONYMOUS) return this.#respond(request, { maxBytes: maxBodyBytes, caller });
    checkBodyLength(request.header, MAX_BODY_BYTES_OF_ANONYMOUS);
    return this.#respondToAnonymous(request);
  }

  async #respond(
    request: HttpRequest,
    { maxBytes, caller }: { readonly maxBytes: number; readonly caller: KnownCaller | undefined },
  ): Promise<HttpResponse> {
    const { reports } = this.settings;
    const document = await request.readBody(maxBytes);
    this.begin();
    const { document: body, ...hints } = await respond(document, (operation, params) =>
      reports.noting(() => this.service.call(operation, params, caller)),
    );
    const answered = success(200, "text/xml; charset=utf-8", body);
    return { ...answered, headers: { ...answered.headers, ...headersOf(hints) } };
  }

  async #respondToAnonymous(request: HttpRequest): Promise<HttpResponse> {
    const leave = this.#anonymous.enter();
    if (leave === undefined) throw new ServiceUnavailableError();
    try {
      const limits = { maxBytes: MAX_BODY_BYTES_OF_ANONYMOUS, caller: undefined };
      return await this.#respond(request, limits);
    } finally {
      leave();
    }
  }
}

/** A fault has no members for these. */
function headersOf({ retryAfterSeconds, requestId, details }: Omit<CallResponse, "document">) {
  return {
    ...(retryAfterSeconds !== undefined && {
      "retry-after": String(Math.ceil(retryAfterSeconds)),
    }),
    ...(requestId !== undefined && { [REQUEST_ID_HEADER]: requestId }),
    ...(details !== undefined && { [ERROR_DETAILS_HEADER]: JSON.stringify(details) }),
  };
}

function checkPlace({ path, method }: HttpRequest): void {
  if (!PATHS.has(path)) throw new RefusedError(REFUSALS.noRoute);
  if (method !== "POST") throw new RefusedError({ ...REFUSALS.method, headers: { allow: "POST" } });
}
