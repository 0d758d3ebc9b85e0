/** Seals what a route of Hono answers. */
import type { Context, MiddlewareHandler } from "hono";
import type { SealOptions, Vault } from "../../vault/vault.js";
import { readJsonAnswer } from "../json/payload-data.js";

/** Types of JSON, also such as `application/problem+json` (RFC 6839, 3.1). */
const JSON_TYPE = /^[\w.-]+\/(?:[\w.-]+\+)?json\b/i;

/** How {@link sealResponse} seals. */
export interface SealResponseOptions extends Omit<SealOptions, "safeView"> {
  /** What may be known of the answer, or what returns that. It or a `summarizer` must be given. */
  readonly safeView?: string | ((data: unknown) => string) | undefined;
}

/**
 * Returns a middleware that seals what a route answers, JSON as data, text as text, anything else as
 * bytes: the client gets `{ handle_id, safe_view }`. What is no success, or has no body, is let through
 * as it is: errors and redirects are for the route to keep free of data.
 *
 * Of the headers, only those reach the client that were there before the route ran, or are set after this
 * middleware: what the route says of its payload (an `ETag`, a file's name) would tell of it.
 *
 * @example
 * ```ts
 * app.get("/patients/:n", sealResponse(vault, { ownerPrincipal, safeView: "a patient" }), showPatient);
 * ```
 */
export function sealResponse(vault: Vault, options: SealResponseOptions): MiddlewareHandler {
  const { safeView, ...rest } = options;
  return async (context, next) => {
    const headers = headersFor(context.res);
    await next();
    const { res } = context;
    if (!res.ok || res.body === null) return;
    // Nothing of the payload is left if sealing fails, not in headers either.
    replaceResponse(context, new Response(null, { status: 500, headers }));
    const data = await payloadOf(res);
    const text = typeof safeView === "function" ? safeView(data) : safeView;
    const handle = await vault.seal(data, { ...rest, safeView: text });
    const body = JSON.stringify({ handle_id: handle.id, safe_view: handle.safeView });
    replaceResponse(context, new Response(body, { headers }));
  };
}

/** What describes a body other than the sealed one. */
const OF_BODY =
  /^(?:content-(?:type|length|encoding|language|location|range|disposition|digest|md5)|transfer-encoding|etag|last-modified|(?:repr-)?digest)$/;

/** Returns the headers of a sealed answer: those that a response had before its route ran, and our own. */
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

/** Hono gives a response the headers of the one that it replaces, unless there is none. */
function replaceResponse(context: Context, response: Response): void {
  context.res = undefined;
  context.res = response;
}

/**
 * Returns what a route answers.
 *
 * @throws SyntaxError RangeError It says that it is JSON, and is not, or JSON that would be changed by
 *   reading it. Neither text repeats any of it.
 */
async function payloadOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (JSON_TYPE.test(type)) return readJsonAnswer(await response.text());
  return /^text\//i.test(type) ? response.text() : new Uint8Array(await response.arrayBuffer());
}
