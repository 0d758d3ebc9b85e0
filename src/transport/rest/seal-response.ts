/** Seals the responses of a Hono route. */
import type { Context, MiddlewareHandler } from "hono";
import type { Summarizer } from "../../vault/safe-view.js";
import type {
  CallOptions,
  SafeViewChoice,
  SealOptions,
  SealTerms,
  Vault,
} from "../../vault/vault.js";
import { readJsonResponse } from "../json/payload-data.js";

/** JSON media types, including those such as `application/problem+json` (RFC 6839, 3.1). */
const JSON_TYPE = /^[\w.-]+\/(?:[\w.-]+\+)?json\b/i;

/** Options of {@link sealResponse}. */
export type SealResponseOptions = SealTerms &
  CallOptions &
  (
    | Extract<SafeViewChoice, { readonly summarizer: Summarizer }>
    | {
        /** The safe view of the response, or a function that returns it. */
        readonly safeView: string | ((data: unknown) => string);
        readonly summarizer?: undefined;
      }
  );

/**
 * Returns a middleware that seals a route's response body: JSON as data, text as text, anything else as
 * bytes. The client gets `{ handle_id, safe_view }`. A response that is not a success, or has no body, passes
 * unchanged, so the route must keep data out of errors and redirects.
 *
 * The client gets only headers that were set before the route ran or after this middleware. Headers that the
 * route
 * sets (an `ETag`, a file's name) could reveal the payload.
 *
 * @example
 * ```ts
 * app.get("/patients/:n", sealResponse(vault, { ownerPrincipal, safeView: "a patient" }), showPatient);
 * ```
 */
export function sealResponse(vault: Vault, options: SealResponseOptions): MiddlewareHandler {
  return async (context, next) => {
    const headers = headersFor(context.res);
    await next();
    const { res } = context;
    if (!res.ok || res.body === null) return;
    // If sealing fails, nothing of the payload may remain, not even in headers.
    replaceResponse(context, new Response(null, { status: 500, headers }));
    const data = await payloadOf(res);
    const handle = await vault.seal(data, sealOptionsFor(data, options));
    const body = JSON.stringify({ handle_id: handle.id, safe_view: handle.safeView });
    replaceResponse(context, new Response(body, { headers }));
  };
}

function sealOptionsFor(data: unknown, options: SealResponseOptions): SealOptions {
  if (options.summarizer !== undefined) return options;
  const { safeView } = options;
  return { ...options, safeView: typeof safeView === "function" ? safeView(data) : safeView };
}

/** Headers that describe the original body and not the sealed one. */
const OF_BODY =
  /^(?:content-(?:type|length|encoding|language|location|range|disposition|digest|md5)|transfer-encoding|etag|last-modified|(?:repr-)?digest)$/;

/** Returns the headers of a sealed response: those set before the route ran, and our own. */
function headersFor({ headers }: Response): Headers {
  const kept = new Headers(headers);
  for (const name of headers.keys()) {
    if (OF_BODY.test(name)) kept.delete(name);
  }
  kept.set("content-type", "application/json");
  kept.set("cache-control", "no-store");
  kept.set("x-content-type-options", "nosniff");
  return kept;
}

/** Hono copies the headers of the previous response to its replacement, unless there is no previous one. */
function replaceResponse(context: Context, response: Response): void {
  context.res = undefined;
  context.res = response;
}

/**
 * Returns the payload in a route's response.
 *
 * @throws SyntaxError RangeError The response is labelled as JSON and is not JSON, or reading it would change
 * a value. Neither message repeats any of it.
 */
async function payloadOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (JSON_TYPE.test(type)) return readJsonResponse(await response.text());
  return /^text\//i.test(type) ? response.text() : new Uint8Array(await response.arrayBuffer());
}
