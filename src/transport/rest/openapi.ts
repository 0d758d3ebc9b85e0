/**
 * The OpenAPI 3.1 description of the HTTP service, generated from the table of operations.
 *
 * @module
 */
import type { z as Zod } from "zod/v4";
import { schemas, schemasOf } from "../service/loaded-schemas.js";
import { MAX_BATCH } from "../service/messages.js";
import { OPERATION_NAMES, OPERATIONS, type OperationName } from "../service/operations.js";
import { PRINCIPAL_HEADER, READINESS_PATH } from "./paths.js";

const ERRORS = {
  "400": "A parameter is of the wrong kind or out of its bounds.",
  "401": "The request does not show who sends it.",
  "403": "The caller may not do this, or not as the principal named.",
  "404": "No such handle, or nothing at this path.",
  "409": "Another caller changed the handle at the same time.",
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

/** The status for a safe view that was refused. */
const LEAK = "422";
const BODY_ERRORS: ReadonlySet<string> = new Set(["413", "415"]);
const SCHEMAS = "#/components/schemas/";

let made: object | undefined;

/** Returns the description. It is generated once. */
export async function openApiDocument(): Promise<object> {
  await schemas.ready();
  made ??= new Description().document();
  return made;
}

/** The schemas of the bodies of one operation. */
interface Bodies {
  readonly request: Zod.ZodType | undefined;
  readonly response: Zod.ZodType;
}

class Description {
  readonly #parts = schemas.get();
  readonly #z: typeof Zod = this.#parts.z;
  readonly #schemas = this.#z.registry<{ id: string }>();

  document(): object {
    const { z } = this.#parts;
    const error = z.object({
      error: z.string().describe("A fixed text."),
      code: z.string().describe("Stable identifier of the condition."),
      request_id: z.string(),
    });
    this.#schemas.add(error, { id: "Error" });
    this.#schemas.add(this.#parts.handle, { id: "Handle" });
    const paths = this.#paths();
    return {
      openapi: "3.1.1",
      info: {
        title: "HandleVault",
        version: "1",
        description: "Seals payloads behind opaque handles and opens them for named principals.",
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/" }],
      security: [{ bearer: [] }],
      paths,
      components: {
        schemas: this.#components(),
        responses: Object.fromEntries(
          Object.entries(ERRORS).map(([status, description]) => {
            return [status, { description, content: json("Error") }];
          }),
        ),
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description: "One way to show who is calling; client certificates are another.",
          },
        },
      },
    };
  }

  #components(): object {
    const uri = (id: string) => SCHEMAS + id;
    const components = this.#z.toJSONSchema(this.#schemas, { uri }).schemas;
    return Object.fromEntries(
      Object.entries(components).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
    );
  }

  #paths(): object {
    const paths: Record<string, object> = {};
    for (const name of OPERATION_NAMES) {
      const { method, path } = OPERATIONS[name].route;
      const template = path.replace(":id", "{id}");
      paths[template] = { ...paths[template], [method.toLowerCase()]: this.#operation(name) };
    }
    paths[READINESS_PATH] = { get: this.#readiness() };
    return paths;
  }

  #readiness(): object {
    const response = this.#z.object({ status: this.#z.literal("ready") });
    return {
      operationId: "readiness",
      summary: "Returns that the service can reach its cache.",
      parameters: [],
      responses: {
        "200": { description: "Done.", content: this.#content("readiness_response", response) },
        "503": { $ref: "#/components/responses/503" },
        "400": { $ref: "#/components/responses/400" },
      },
      security: [],
    };
  }

  #operation(name: OperationName): object {
    const { summary, route, openTo } = OPERATIONS[name];
    const { request, response } = this.#bodies(name);
    const errors = Object.keys(ERRORS)
      .filter((status) => request !== undefined || !BODY_ERRORS.has(status))
      .filter((status) => status !== LEAK || name === "seal")
      .map((status) => [status, { $ref: `#/components/responses/${status}` }]);
    const success = { description: "Done.", content: this.#content(`${name}_response`, response) };
    return {
      operationId: name,
      summary,
      parameters: this.#parameters(name),
      ...(request !== undefined && {
        requestBody: { required: true, content: this.#content(`${name}_request`, request) },
      }),
      responses: { [String(route.status)]: success, ...Object.fromEntries(errors) },
      ...(openTo === "everyone" && { security: [] }),
    };
  }

  #parameters(name: OperationName): readonly object[] {
    const { positions, route } = OPERATIONS[name];
    const isNamed = route.method !== "POST" && positions.includes("requesting_principal");
    const { description } = this.#parts.id;
    const id = { name: "id", in: "path", required: true, description, schema: { type: "string" } };
    const principal = {
      name: PRINCIPAL_HEADER,
      in: "header",
      description: "Whom the caller acts for, percent-encoded.",
      schema: { type: "string" },
    };
    return [...(route.path.includes(":id") ? [id] : []), ...(isNamed ? [principal] : [])];
  }

  /** Returns a reference to a schema, which becomes a component. */
  #content(id: string, schema: Zod.ZodType): object {
    if (!this.#schemas.has(schema)) this.#schemas.add(schema, { id });
    return json(this.#schemas.get(schema)?.id ?? id);
  }

  /** In JSON a payload may represent bytes. Values in the path or in a header are not part of the body. */
  #bodies(name: OperationName): Bodies {
    const { method, path } = OPERATIONS[name].route;
    const { params, result } = schemasOf(name);
    const sent = this.#batch(name) ?? this.#inJson(params);
    const request = path.includes(":id") ? this.#members(sent).omit({ id: true }) : sent;
    return {
      request: method === "POST" ? request : undefined,
      response: this.#outcomes(name) ?? this.#inJson(result),
    };
  }

  /** Returns the parameters of a batch with the schema of its items, which the service checks one by one. */
  #batch(name: OperationName): Zod.ZodType | undefined {
    const { sealParams, requestParams } = this.#parts;
    const item = { seal_many: sealParams, unseal_many: requestParams }[name as string];
    if (item === undefined) return undefined;
    return this.#z.strictObject({ requests: this.#z.array(this.#inJson(item)).max(MAX_BATCH) });
  }

  #outcomes(name: OperationName): Zod.ZodType | undefined {
    const { payload, outcomesOf } = this.#parts;
    return name === "unseal_many" ? outcomesOf(this.#inJson(payload)) : undefined;
  }

  /** Returns a schema with the encoding of its payload, if it has one. */
  #inJson(schema: Zod.ZodType): Zod.ZodType {
    if (!(schema instanceof this.#z.ZodObject) || schema.shape["data"] === undefined) return schema;
    const encoding = this.#z
      .enum(["json", "base64"])
      .optional()
      .describe("How data travels: as it is, or bytes in base64. Default json.");
    return schema.extend({ data_encoding: encoding });
  }

  #members(schema: Zod.ZodType): Zod.ZodObject {
    if (!(schema instanceof this.#z.ZodObject)) throw new TypeError("the schema is of no object");
    return schema;
  }
}

function json(id: string): object {
  return { "application/json": { schema: { $ref: SCHEMAS + id } } };
}
