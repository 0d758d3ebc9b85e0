/** From a request of HTTP to a call of XML-RPC, and back. */
import { ServiceUnavailableError, UnauthenticatedError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import type { KnownCaller } from "../acting.js";
import { type HttpAnswer, HttpAnswers, success } from "../http-server/answers.js";
import { checkBodyHeaders, checkBodyLength, mediaTypePattern } from "../http-server/body.js";
import { type HttpRequest, NOBODY } from "../http-server/gate.js";
import type { HandlerSettings } from "../http-server/options.js";
import { REFUSALS, RefusedError } from "../http-server/refusal.js";
import { InFlightLimit } from "../limits.js";
import { answer } from "./exchange.js";

const PATHS: ReadonlySet<string> = new Set(["/", "/RPC2"]);
const XML_TYPE = mediaTypePattern("(?:text|application)/xml");
/** How much is read for somebody who showed no credential, where safe views are open. */
const MAX_BODY_BYTES_OF_NOBODY = 64 * 1024;
/** How many of the requests in flight may be theirs: however slow they are, others are served. */
const SHARE_OF_NOBODY = 1 / 4;

/** Answers the calls of XML-RPC to one vault. */
export class XmlRpcAnswers extends HttpAnswers {
  readonly #nobodies: InFlightLimit;

  constructor(vault: Vault, settings: HandlerSettings) {
    super(vault, settings);
    this.#nobodies = new InFlightLimit(Math.ceil(settings.maxInFlight * SHARE_OF_NOBODY));
  }

  protected override async dispatch(request: HttpRequest): Promise<HttpAnswer> {
    const { maxBodyBytes, publicSafeViews } = this.settings;
    checkPlace(request);
    checkBodyHeaders(request.header, {
      mediaType: XML_TYPE,
      otherMediaType: REFUSALS.xmlMediaType,
      maxBytes: maxBodyBytes,
    });
    const caller = publicSafeViews
      ? await this.gate.callerOrNobody(request)
      : await this.gate.callerOf(request);
    if (caller !== NOBODY) return this.#answer(await request.readBody(maxBodyBytes), caller);
    checkBodyLength(request.header, MAX_BODY_BYTES_OF_NOBODY);
    return this.#answerNobody(request);
  }

  async #answer(document: Uint8Array, caller: KnownCaller | undefined): Promise<HttpAnswer> {
    const { document: body, retryAfterSeconds } = await answer(document, (operation, params) =>
      this.service.call(operation, params, caller),
    );
    const answered = success(200, "text/xml; charset=utf-8", body);
    if (retryAfterSeconds === undefined) return answered;
    const retryAfter = String(Math.ceil(retryAfterSeconds));
    return { ...answered, headers: { ...answered.headers, "retry-after": retryAfter } };
  }

  async #answerNobody(request: HttpRequest): Promise<HttpAnswer> {
    const leave = this.#nobodies.enter();
    if (leave === undefined) throw new ServiceUnavailableError();
    try {
      return await this.#answer(await request.readBody(MAX_BODY_BYTES_OF_NOBODY), undefined);
    } catch (error) {
      if (error instanceof UnauthenticatedError) this.gate.refusedNobody(request);
      throw error;
    } finally {
      leave();
    }
  }
}

function checkPlace({ path, method }: HttpRequest): void {
  if (!PATHS.has(path)) throw new RefusedError(REFUSALS.noRoute);
  if (method !== "POST") throw new RefusedError({ ...REFUSALS.method, headers: { allow: "POST" } });
}
