import { isErrorOf } from "../../primitives/kinds.js";
import { ServiceUnavailableError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { withIds } from "../compat/original.js";
import { checkBodyHeaders, mediaTypePattern } from "../http/server/body.js";
import type { HttpRequest } from "../http/server/gate.js";
import type { HandlerSettings } from "../http/server/options.js";
import { REFUSALS, RefusedError } from "../http/server/refusal.js";
import { HttpResponder, type HttpResponse, success } from "../http/server/responder.js";
import { giveJsonData, readJsonParams, takeJsonData, writeJson } from "../json/payload-data.js";
import { strictUtf8 } from "../json/strict-utf8.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { isOpen, OPERATIONS, type OperationName } from "../service/operations.js";
import { openApiDocument } from "./openapi.js";
import { PRINCIPAL_HEADER } from "./paths.js";
import { Readiness } from "./readiness.js";
import { decoded, matchRoute, type Target } from "./routes.js";

const BYTE_ORDER_MARK = "\ufeff";
const JSON_TYPE = mediaTypePattern("application/json");

/** Answers REST and JSON requests to one vault. */
export class RestResponder extends HttpResponder {
  readonly #readiness: Readiness;

  constructor(vault: Vault, settings: HandlerSettings) {
    super(vault, settings);
    this.#readiness = new Readiness(vault);
  }

  protected override async dispatch(request: HttpRequest): Promise<HttpResponse> {
    const { target, id } = this.#route(request);
    if (target === "openapi") return json(200, await openApiDocument());
    if (target === "readiness") return this.#respondToReadiness();
    const { method, status } = OPERATIONS[target].route;
    const isPublic = isOpen(target, this.settings.publicSafeViews);
    const caller = isPublic ? undefined : await this.gate.callerOf(request);
    const params = method === "POST" ? await this.#readParams(target, request) : named(request);
    const whole = id === undefined ? params : { ...params, id };
    this.begin();
    return json(
      status,
      giveJsonData(target, await this.service.call(target, withIds(whole), caller)),
    );
  }

  /** The probe's response contains no details about the cache, because it needs no authentication. */
  async #respondToReadiness(): Promise<HttpResponse> {
    this.begin();
    if (!(await this.#readiness.isReady())) throw new ServiceUnavailableError();
    return json(200, { status: "ready" });
  }

  #route({ method, path }: HttpRequest): { target: Target; id?: string | undefined } {
    const { basePath } = this.settings;
    if (!path.startsWith(basePath)) throw new RefusedError(REFUSALS.noRoute);
    const match = matchRoute(method, path.slice(basePath.length));
    if ("target" in match) return match;
    if (match.allow.length === 0) throw new RefusedError(REFUSALS.noRoute);
    const allow = match.allow.join(", ");
    throw new RefusedError({ ...REFUSALS.method, headers: { allow } });
  }

  async #readParams(target: OperationName, request: HttpRequest): Promise<object> {
    const { maxBodyBytes } = this.settings;
    if (request.bodyUsed) throw new RefusedError(REFUSALS.bodyUsed);
    checkBodyHeaders(request.header, {
      mediaType: JSON_TYPE,
      otherMediaType: REFUSALS.mediaType,
      maxBytes: maxBodyBytes,
    });
    const body = await request.readBody(maxBodyBytes);
    const params = parsed(body);
    if (isLarge(body)) await othersTurn();
    return takeJsonData(target, params) as object;
  }
}

function parsed(body: Uint8Array): object {
  const params = readable(textOf(body));
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new RefusedError(REFUSALS.malformed);
  }
  return params;
}

function textOf(body: Uint8Array): string {
  const text = strictUtf8(body);
  if (text === undefined) throw new RefusedError(REFUSALS.malformed);
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

function readable(text: string): unknown {
  try {
    return readJsonParams(text);
  } catch (error) {
    // The engine's own message quotes a part of the text that it could not parse.
    throw isErrorOf(error, "SyntaxError") ? new RefusedError(REFUSALS.malformed) : error;
  }
}

/** Returns the parameters of a request without a body. */
function named({ header }: HttpRequest): object {
  const encoded = header(PRINCIPAL_HEADER);
  if (encoded === undefined) return {};
  // An unencoded comma means that the header was sent twice. Ignoring both would use a principal that the
  // client did
  // not intend.
  const principal = encoded.includes(",") ? undefined : decoded(encoded);
  if (principal === undefined) throw new RefusedError(REFUSALS.principal);
  return { requesting_principal: principal };
}

function json(status: number, body: unknown): HttpResponse {
  return success(status, "application/json", writeJson(body));
}
