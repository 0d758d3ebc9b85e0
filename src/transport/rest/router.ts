/**
 * Handles in a Hono web application: browsers and agents get handles instead of payloads, and routes get
 * payloads instead of handles. {@link routerListener} mounts the routes in Express and Fastify too.
 *
 * The routes are a Hono application, created synchronously, so only this entry imports `hono` statically.
 * Without that package, the import fails with Node's own error.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { Connection } from "../../auth/authenticator.js";
import { isVaultError, PrincipalForbiddenError } from "../../vault/errors.js";
import {
  callable,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../../vault/options.js";
import type { StandardSchema } from "../../vault/standard-schema.js";
import { checkSchema, validated } from "../../vault/typed-payload.js";
import type { Vault } from "../../vault/vault.js";
import { Gate, type GateRequest, type Sender } from "../http/server/gate.js";
import { checkNoneDropped, SentHeaders } from "../http/server/headers.js";
import {
  HANDLER_OPTIONS,
  type HttpHandlerOptions,
  handlerSettings,
  type ReadHandlerOptions,
} from "../http/server/options.js";
import { REFUSALS, RefusedError } from "../http/server/refusal.js";
import { responseTo } from "../http/server/responder.js";
import { giveJsonData } from "../json/payload-data.js";
import type { ErrorReports } from "../service/error-reports.js";
import { VaultService } from "../service/service.js";
import { connectionOf } from "../sockets/listening.js";
import type { NodeHandler } from "./node.js";

export { type SealResponseOptions, sealResponse } from "./seal-response.js";

/** Options of {@link vaultRouter} and {@link requireUnsealed}. */
export interface VaultRouterOptions
  extends Omit<HttpHandlerOptions, "maxBodyBytes" | "maxInFlight" | "basePath"> {
  /**
   * Returns the connection of a request. Default: the server's own information, as from `@hono/node-server`
   * and
   * {@link routerListener}.
   */
  readonly connection?: ((context: Context) => Connection | undefined) | undefined;
}

const OPTIONS: OptionsTable<
  ReadHandlerOptions & WithDefaults<Pick<VaultRouterOptions, "connection">>
> = {
  ...HANDLER_OPTIONS,
  connection: optional(callable()),
};

/** Options of {@link requireUnsealed}. */
export interface RequireUnsealedOptions<Payload = unknown> extends VaultRouterOptions {
  /** The name of the path parameter with the handle's id. Default `"id"`. */
  readonly parameter?: string | undefined;
  /** The schema of the payload, of zod, valibot, arktype or any other library of Standard Schema. */
  readonly schema?: StandardSchema<Payload> | undefined;
}

/** The variables that {@link requireUnsealed} sets for the route. */
export type UnsealedVariables<Payload = unknown> = {
  /** The payload. */
  readonly unsealed: Payload;
  /** The principal that received it. */
  readonly resolvedBy: string;
};

/**
 * Returns the routes `GET /:id/safe-view` and `POST /:id/resolve`, to mount at the path of the handles.
 *
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 *
 * @example
 * ```ts
 * new Hono().route("/handles", vaultRouter(vault, { auth, gatewayPrincipals }));
 * ```
 */
export function vaultRouter(vault: Vault, options: VaultRouterOptions): Hono {
  const guard = new RouteGuard(vault, options);
  const router = new Hono();
  router.get("/:id/safe-view", (context) =>
    guard.respond(context, async () => {
      const id = context.req.param("id");
      const caller = options.publicSafeViews === true ? undefined : await guard.callerOf(context);
      const view = await guard.service.call("get_safe_view", { id }, caller);
      return context.json({ handle_id: id, ...view });
    }),
  );
  router.post("/:id/resolve", (context) =>
    guard.respond(context, async () => {
      const id = context.req.param("id");
      const { result, resolvedBy } = await guard.unseal(context, id);
      return context.json({
        handle_id: id,
        ...giveJsonData("unseal", result),
        resolved_by: resolvedBy,
      });
    }),
  );
  return router;
}

/**
 * Returns a middleware that unseals, for the caller, the handle named by a path parameter:
 * `context.get("unsealed")` is the payload. A caller that may not have it gets an error response, and the
 * route does
 * not run.
 *
 * @param options - `parameter`: the parameter's name, `"id"` by default. `schema`: the schema of the payload, which
 *   also gives its type; a payload that it refuses has the status 422.
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 *
 * @example
 * ```ts
 * app.post("/charge/:id", requireUnsealed(vault, { auth }), (context) => charge(context.get("unsealed")));
 * ```
 */
export function requireUnsealed<Payload = unknown>(
  vault: Vault,
  { parameter = "id", schema, ...options }: RequireUnsealedOptions<Payload>,
): MiddlewareHandler<{ Variables: UnsealedVariables<Payload> }> {
  if (schema !== undefined) checkSchema(schema, "options.schema");
  const guard = new RouteGuard(vault, options);
  return async (context, next) => {
    const refused = await guard.refusal(context, async () => {
      const id = context.req.param(parameter) ?? "";
      const { result, resolvedBy } = await guard.unseal(context, id);
      const { data } = result as { readonly data: Payload };
      context.set("unsealed", schema === undefined ? data : await typed(data, schema));
      context.set("resolvedBy", resolvedBy);
    });
    if (refused !== undefined) return refused;
    await next();
    context.res.headers.set("cache-control", "no-store");
    return undefined;
  };
}

/** @throws RefusedError The payload does not match the schema. */
async function typed<Payload>(data: unknown, schema: StandardSchema<Payload>): Promise<Payload> {
  try {
    // The type of the output is the one that the schema declares.
    return (await validated(data, schema)) as Payload;
  } catch (error) {
    throw isVaultError(error, "ERR_VAULT_PAYLOAD_VALIDATION")
      ? new RefusedError(REFUSALS.payload)
      : error;
  }
}

/**
 * Returns a listener of `node:http` that answers from a {@link vaultRouter}, for Express and Fastify. The
 * routes need no body, so a body parser before them does no harm.
 *
 * @example
 * ```ts
 * express().use("/handles", routerListener(vaultRouter(vault, { auth })));
 * ```
 */
export function routerListener(router: Hono): NodeHandler {
  return (incoming, outgoing) => {
    relay(router, incoming, outgoing).catch(() => outgoing.destroy());
  };
}

async function relay(
  router: Hono,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/", rawHeaders } = incoming;
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  // The host is checked as a header. It is not put into the URL, because it could make the URL invalid.
  const request = new Request(`http://localhost${url}`, { method, headers });
  const response = await router.fetch(request, { incoming });
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(await response.text());
  incoming.resume();
}

/** Admits callers, and responds with an error to the others. */
class RouteGuard {
  readonly service: VaultService;
  readonly #gate: Gate;
  readonly #reports: ErrorReports;
  readonly #connection: (context: Context) => Connection | undefined;

  constructor(vault: Vault, options: VaultRouterOptions) {
    const read = readOptions(options, OPTIONS);
    const settings = handlerSettings(read);
    const { publicSafeViews, gatewayPrincipals, reports } = settings;
    this.service = new VaultService(vault, { publicSafeViews, gatewayPrincipals, reports });
    this.#gate = new Gate(settings);
    this.#reports = reports;
    this.#connection = read.connection ?? connectionOfNode;
  }

  async callerOf(context: Context): Promise<Sender> {
    return this.#gate.callerOf(this.#read(context));
  }

  /** Payloads are handed only to authenticated callers, never to a principal that a request merely names. */
  async unseal(context: Context, id: string): Promise<{ result: object; resolvedBy: string }> {
    const caller = await this.callerOf(context);
    if (typeof caller === "string") throw new PrincipalForbiddenError();
    const result = await this.service.call("unseal", { id }, caller);
    return { result, resolvedBy: caller.principal };
  }

  async respond(context: Context, work: () => Promise<Response>): Promise<Response> {
    let response: Response | undefined;
    const refused = await this.refusal(context, async () => {
      response = await work();
      response.headers.set("cache-control", "no-store");
      response.headers.set("x-content-type-options", "nosniff");
    });
    return refused ?? response ?? new Response(null, { status: 500 });
  }

  /** Returns the error response for an error that `work` throws. */
  async refusal(context: Context, work: () => Promise<void>): Promise<Response | undefined> {
    const request = this.#read(context);
    try {
      this.#gate.checkOrigin(request);
      await work();
      return undefined;
    } catch (error) {
      const { status, headers, body } = responseTo(error, request, this.#reports);
      return new Response(body, { status, headers });
    }
  }

  #read(context: Context): GateRequest {
    const { raw } = context.req;
    const incoming = incomingOf(context);
    const sent = incoming === undefined ? undefined : new SentHeaders(incoming);
    const header = (name: string) => {
      if (incoming !== undefined) checkNoneDropped(incoming);
      return raw.headers.get(name) ?? (name === "host" ? new URL(raw.url).host : undefined);
    };
    // Web headers do not distinguish two headers from one with a comma; Node's raw headers do.
    const isRepeated = (name: string) => (sent?.values(name.toLowerCase()).length ?? 0) > 1;
    const single = (name: string) => (isRepeated(name) ? undefined : header(name));
    return { connection: this.#connection(context), header, single };
  }
}

function connectionOfNode(context: Context): Connection | undefined {
  const incoming = incomingOf(context);
  return incoming === undefined ? undefined : connectionOf(incoming.socket);
}

/** Returns the `node:http` request behind a Hono request, if the server exposes it. */
function incomingOf({ env }: Context): IncomingMessage | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: Partial<IncomingMessage> };
  const isOfNode = Array.isArray(incoming?.rawHeaders) && incoming.socket !== undefined;
  return isOfNode ? (incoming as IncomingMessage) : undefined;
}
