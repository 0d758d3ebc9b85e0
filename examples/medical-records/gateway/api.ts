/** The HTTP API of the gateway: callers send JWTs, and only the gateway itself receives payloads. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Authenticator } from "handlevault/auth";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { principalOf } from "../support/bearer.js";
import type { ToolResult } from "../support/mcp-client.js";
import { AGENT, GATEWAY } from "../support/people.js";
import { HandleRefusedError, openHandle } from "./audit.js";
import { OPENAPI } from "./openapi.js";
import { type RecordsSession, RecordsUnavailableError } from "./session.js";

/** The audience of tokens for this API. */
export const AUDIENCE = "medical-gateway";

const DOCS = readFileSync(join(import.meta.dirname, "docs.html"), "utf8");
/** The page may load resources only from its own origin. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";

const NOT_FOUND = { error: "there is no such thing, or no longer" };

export interface GatewayOptions {
  readonly session: RecordsSession;
  readonly auth: Authenticator;
  /** Issues tokens without any check, for demonstrations only. If absent, there is no `/tokens`. */
  readonly demoTokens?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
}

export function gatewayApi(options: GatewayOptions): Hono {
  const api = new Hono();
  api.use(async (context, next) => {
    await next();
    context.res.headers.set("cache-control", "no-store");
    context.res.headers.set("x-content-type-options", "nosniff");
  });
  api.onError(answerError);
  addPages(api);
  addPublicRoutes(api, options);
  addPatientRoutes(api, options);
  return api;
}

function addPages(api: Hono): void {
  api.get("/docs", (context) => {
    context.header("content-security-policy", DOCS_POLICY);
    return context.html(DOCS);
  });
  api.get("/openapi.json", (context) => context.json(OPENAPI));
}

function addPublicRoutes(api: Hono, { session, demoTokens }: GatewayOptions): void {
  api.get("/health", async (context) => {
    await session.ping();
    return context.json({ status: "ok" });
  });
  if (demoTokens !== undefined) {
    api.get("/tokens", async (context) => context.json(await demoTokens()));
  }
  api.get("/safe-view/:id", async (context) =>
    answerWith(
      context,
      await session.call("get_safe_view", { handle_id: context.req.param("id") }),
    ),
  );
}

function addPatientRoutes(api: Hono, { session, auth }: GatewayOptions): void {
  const agentOrGateway = only(auth, [AGENT, GATEWAY]);
  const gatewayAlone = only(auth, [GATEWAY]);
  const ask = (tool: string) => async (context: Context) =>
    answerWith(context, await session.call(tool, { patient_id: context.req.param("id") }));

  api.get("/patient/:id", agentOrGateway, ask("lookup_patient"));
  api.get("/patient/:id/rx", agentOrGateway, ask("list_patient_prescriptions"));
  api.post("/resolve/:id", gatewayAlone, async (context) =>
    context.json(await openHandle(session, context.req.param("id"))),
  );
}

/** Responds with the data of a tool. Every failure gets one fixed text: the tool's own text is for agents. */
function answerWith(context: Context, { isError, data }: ToolResult): Response {
  return isError ? context.json(NOT_FOUND, 404) : context.json(data);
}

/** Admits a request only if its token is of one of the `principals`. */
function only(auth: Authenticator, principals: readonly string[]) {
  return createMiddleware(async (context, next) => {
    const principal = await principalOf(auth, context.req.header("authorization"));
    if (principal === undefined) {
      return context.json({ error: "a bearer token is needed" }, 401, {
        "www-authenticate": "Bearer",
      });
    }
    if (!principals.includes(principal)) {
      return context.json({ error: "this caller may not do that" }, 403);
    }
    await next();
    return undefined;
  });
}

function answerError(error: Error, context: Context): Response {
  if (error instanceof RecordsUnavailableError) return context.json({ error: error.message }, 503);
  if (error instanceof HandleRefusedError) return context.json(NOT_FOUND, 404);
  return context.json({ error: "the request failed" }, 500);
}
