/**
 * Writes the OpenAPI description of the HTTP service from the schemas of its operations.
 *
 * Run it after a change of a schema or a route: `npx tsx tools/openapi.ts`. A test fails until then.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { createDocument, type ZodOpenApiPathsObject } from "zod-openapi";
import { ROUTES } from "../src/transport/http/route-table.js";
import { OPERATION_NAMES, type OperationName } from "../src/transport/operations.js";
import { operations } from "../src/transport/schemas.js";

const FILE = fileURLToPath(new URL("../src/transport/http/openapi-document.ts", import.meta.url));

const SUMMARIES: Readonly<Record<OperationName, string>> = {
  seal: "Seals a payload and returns the handle that stands for it.",
  unseal: "Returns the payload behind a handle to its owner or a granted principal.",
  get_safe_view: "Returns a handle's safe view.",
  describe: "Returns owner, grants, times and uses left to the owner and to grantees.",
  invalidate: "Deletes a handle's record; an unknown handle is no error.",
  grant: "Lets one more principal unseal; the owner alone may.",
  revoke: "Takes a grant back; the owner alone may.",
  renew: "Lets a handle live for some seconds from now on; the owner alone may.",
  seal_many: "Seals many payloads: one outcome for each, in their order.",
  unseal_many: "Unseals many handles: one outcome for each, in their order.",
  health: "Tells that the service runs.",
};

const ERRORS = {
  "400": "A parameter is of the wrong kind or out of its bounds.",
  "401": "The request does not show who sends it.",
  "403": "The caller may not do this, or not as the principal named.",
  "404": "No such handle, or nothing at this path.",
  "409": "Somebody else changed the handle meanwhile.",
  "410": "The handle has expired, was evicted, or has no uses left.",
  "413": "The request or the payload is too large.",
  "415": "The body is not plain JSON.",
  "422": "The safe view repeats a value of the payload.",
  "429": "Too many requests or failed authentications.",
  "500": "The service failed.",
  "503": "The service is busy or stopping, or something it needs does not answer.",
  "504": "Whether the operation took effect is not known.",
  "507": "The service has no room.",
} as const;

/** The status of a safe view that was refused. */
const LEAK = "422";
const BODYLESS_ERRORS: ReadonlySet<string> = new Set(["413", "415"]);

const dataEncoding = z
  .enum(["json", "base64"])
  .optional()
  .describe("How data travels: as it is, or bytes in base64. Default json.");

const errorBody = z
  .object({
    error: z.string().describe("A fixed text."),
    code: z.string().describe("Stable identifier of the condition."),
    request_id: z.string(),
  })
  .meta({ id: "Error" });

const sealBody = membersOf(operations.seal.params).extend({ data_encoding: dataEncoding });
const unsealResult = membersOf(operations.unseal.result).extend({ data_encoding: dataEncoding });
const handle = operations.seal.result.meta({ id: "Handle" });
const failed = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string() }),
});

function membersOf(schema: unknown): z.ZodObject {
  if (!(schema instanceof z.ZodObject)) throw new TypeError("the schema is not of an object");
  return schema;
}

function outcomesOf(value: z.ZodType): z.ZodType {
  const success = z.object({ ok: z.literal(true), value });
  return z.object({ outcomes: z.array(z.union([success, failed])) });
}

const id = membersOf(operations.get_safe_view.params).shape["id"] ?? z.string();

/** The bodies of requests; what a path or a header holds is not in them. */
const BODIES: Readonly<Partial<Record<OperationName, z.ZodType>>> = {
  seal: sealBody,
  unseal: membersOf(operations.unseal.params).omit({ id: true }),
  grant: membersOf(operations.grant.params).omit({ id: true }),
  revoke: membersOf(operations.revoke.params).omit({ id: true }),
  renew: membersOf(operations.renew.params).omit({ id: true }),
  seal_many: z.strictObject({ requests: z.array(sealBody) }),
  unseal_many: operations.unseal_many.params,
};

const RESULTS: Readonly<Record<OperationName, z.ZodType>> = {
  seal: handle,
  unseal: unsealResult,
  get_safe_view: operations.get_safe_view.result,
  describe: operations.describe.result.meta({ id: "Description" }),
  invalidate: operations.invalidate.result,
  grant: handle,
  revoke: handle,
  renew: handle,
  seal_many: outcomesOf(handle),
  unseal_many: outcomesOf(unsealResult),
  health: operations.health.result,
};

const NAMES_PRINCIPAL: ReadonlySet<OperationName> = new Set(["describe", "invalidate"]);

function json(schema: z.ZodType) {
  return { "application/json": { schema } };
}

function parametersOf(name: OperationName) {
  const isNamed = NAMES_PRINCIPAL.has(name);
  const header = z.string().optional().describe("Whom the caller acts for, percent-encoded.");
  return {
    ...(ROUTES[name].path.includes(":id") ? { path: z.object({ id }) } : {}),
    ...(isNamed ? { header: z.object({ "requesting-principal": header }) } : {}),
  };
}

function responsesOf(name: OperationName) {
  const isBodyless = BODIES[name] === undefined;
  const errors = Object.entries(ERRORS)
    .filter(([status]) => !(isBodyless && BODYLESS_ERRORS.has(status)))
    .filter(([status]) => status !== LEAK || name === "seal")
    .map(([status, description]) => [status, { description, content: json(errorBody) }]);
  const success = { description: "Done.", content: json(RESULTS[name]) };
  return { [String(ROUTES[name].status)]: success, ...Object.fromEntries(errors) };
}

function operationOf(name: OperationName) {
  const body = BODIES[name];
  return {
    operationId: name,
    summary: SUMMARIES[name],
    requestParams: parametersOf(name),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: responsesOf(name),
    ...(name === "health" ? { security: [] } : {}),
  };
}

function paths(): ZodOpenApiPathsObject {
  const found: Record<string, object> = {};
  for (const name of OPERATION_NAMES) {
    const { method, path } = ROUTES[name];
    const template = path.replace(":id", "{id}");
    found[template] = { ...found[template], [method.toLowerCase()]: operationOf(name) };
  }
  return found as ZodOpenApiPathsObject;
}

/** Returns the description, from the schemas and routes as they are. */
export function buildOpenApi(): object {
  const document = createDocument({
    openapi: "3.1.1",
    info: {
      title: "HandleVault",
      version: "1",
      description: "Seals payloads behind opaque handles and opens them for named principals.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    paths: paths(),
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "One way to show who is calling; client certificates are another.",
        },
      },
    },
  });
  return JSON.parse(JSON.stringify(document)) as object;
}

function main(): void {
  const text = `/** Made by tools/openapi.ts from the schemas and routes: change those instead. */
export const openApiDocument: object = ${JSON.stringify(buildOpenApi())};
`;
  writeFileSync(FILE, text);
  spawnSync("npx", ["biome", "check", "--write", FILE], { stdio: "inherit" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
