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
import { schemas, schemasOf } from "../src/transport/loaded-schemas.js";
import {
  MAX_BATCH,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
} from "../src/transport/operations.js";
import * as parts from "../src/transport/schemas.js";

const FILE = fileURLToPath(new URL("../src/transport/http/openapi-document.ts", import.meta.url));

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

await schemas.ready();
const sealBody = membersOf(parts.sealParams).extend({ data_encoding: dataEncoding });
const unsealResult = membersOf(parts.payload).extend({ data_encoding: dataEncoding });
const handle = membersOf(parts.handle).meta({ id: "Handle" });
const failed = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string() }),
});

function membersOf(schema: unknown): z.ZodObject {
  if (!(schema instanceof z.ZodObject)) throw new TypeError("the schema is not of an object");
  return schema;
}

function batchOf(item: z.ZodType): z.ZodType {
  return z.strictObject({ requests: z.array(item).max(MAX_BATCH) });
}

function outcomesOf(value: z.ZodType): z.ZodType {
  const success = z.object({ ok: z.literal(true), value });
  return z.object({ outcomes: z.array(z.union([success, failed])) });
}

/** Where the JSON of a wire has more than the schemas of an operation say: payloads that stand for bytes. */
const JSON_PARAMS: Readonly<Partial<Record<OperationName, z.ZodType>>> = {
  seal: sealBody,
  seal_many: batchOf(sealBody),
  unseal_many: batchOf(parts.requestParams),
};

const JSON_RESULTS: Readonly<Partial<Record<OperationName, z.ZodType>>> = {
  unseal: unsealResult,
  describe: membersOf(parts.description).meta({ id: "Description" }),
  seal_many: outcomesOf(handle),
  unseal_many: outcomesOf(unsealResult),
};

/** Returns the schema of a request's body; what a path or a header holds is not in it. */
function bodyOf(name: OperationName): z.ZodType | undefined {
  const { method, path } = OPERATIONS[name].route;
  if (method !== "POST") return undefined;
  const params = JSON_PARAMS[name] ?? schemasOf(name).params;
  return path.includes(":id") ? membersOf(params).omit({ id: true }) : params;
}

function resultOf(name: OperationName): z.ZodType {
  const { result } = schemasOf(name);
  return JSON_RESULTS[name] ?? (result === parts.handle ? handle : result);
}

/** Returns whether a request without a body can name a principal, which a header then holds. */
function namesPrincipal(name: OperationName): boolean {
  const { positions, route } = OPERATIONS[name];
  return route.method !== "POST" && positions.includes("requesting_principal");
}

function json(schema: z.ZodType) {
  return { "application/json": { schema } };
}

function parametersOf(name: OperationName) {
  const header = z.string().optional().describe("Whom the caller acts for, percent-encoded.");
  return {
    ...(OPERATIONS[name].route.path.includes(":id") ? { path: z.object({ id: parts.id }) } : {}),
    ...(namesPrincipal(name) ? { header: z.object({ "requesting-principal": header }) } : {}),
  };
}

function responsesOf(name: OperationName) {
  const isBodyless = bodyOf(name) === undefined;
  const errors = Object.entries(ERRORS)
    .filter(([status]) => !(isBodyless && BODYLESS_ERRORS.has(status)))
    .filter(([status]) => status !== LEAK || name === "seal")
    .map(([status, description]) => [status, { description, content: json(errorBody) }]);
  const success = { description: "Done.", content: json(resultOf(name)) };
  return { [String(OPERATIONS[name].route.status)]: success, ...Object.fromEntries(errors) };
}

function operationOf(name: OperationName) {
  const body = bodyOf(name);
  return {
    operationId: name,
    summary: OPERATIONS[name].summary,
    requestParams: parametersOf(name),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: responsesOf(name),
    ...(OPERATIONS[name].openTo === "everyone" ? { security: [] } : {}),
  };
}

function paths(): ZodOpenApiPathsObject {
  const found: Record<string, object> = {};
  for (const name of OPERATION_NAMES) {
    const { method, path } = OPERATIONS[name].route;
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
