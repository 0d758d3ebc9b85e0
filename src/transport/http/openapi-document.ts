/** Made by tools/openapi.ts from the schemas and routes: change those instead. */
export const openApiDocument: object = {
  openapi: "3.1.1",
  info: {
    title: "HandleVault",
    version: "1",
    description: "Seals payloads behind opaque handles and opens them for named principals.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  security: [{ bearer: [] }],
  paths: {
    "/handles": {
      post: {
        operationId: "seal",
        summary: "Seals a payload and returns the handle that stands for it.",
        parameters: [],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  data: { description: "The payload: bytes, text or JSON data." },
                  owner_principal: {
                    anyOf: [
                      {
                        type: "string",
                        minLength: 1,
                        maxLength: 1024,
                        description: "Who it is, such as a SPIFFE id.",
                      },
                      { type: "null" },
                    ],
                  },
                  safe_view: {
                    type: "string",
                    maxLength: 4096,
                    description: "What anybody may know of the payload.",
                  },
                  ttl_seconds: {
                    anyOf: [
                      {
                        type: "number",
                        minimum: 0,
                        maximum: 3155760000,
                        description: "Lifetime in seconds.",
                      },
                      { type: "null" },
                    ],
                  },
                  granted_principals: {
                    anyOf: [
                      {
                        type: "array",
                        items: {
                          type: "string",
                          minLength: 1,
                          maxLength: 1024,
                          description: "Who it is, such as a SPIFFE id.",
                        },
                      },
                      { type: "null" },
                    ],
                  },
                  max_uses: {
                    anyOf: [{ type: "integer", minimum: 1, maximum: 4294967294 }, { type: "null" }],
                  },
                  leak_guard: {
                    anyOf: [
                      {
                        anyOf: [
                          { type: "string", const: "off" },
                          {
                            type: "object",
                            properties: {
                              allow: {
                                maxItems: 256,
                                type: "array",
                                items: { type: "string" },
                                description: "JSON pointers, in which * stands for any one member.",
                              },
                            },
                            required: ["allow"],
                            additionalProperties: false,
                          },
                        ],
                        description:
                          "What of the payload the safe view may show; off for no check. Default: nothing.",
                      },
                      { type: "null" },
                    ],
                  },
                  data_encoding: {
                    description: "How data travels: as it is, or bytes in base64. Default json.",
                    type: "string",
                    enum: ["json", "base64"],
                  },
                },
                required: ["data", "safe_view"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "201": {
            description: "Done.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Handle" } } },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "422": {
            description: "The safe view repeats a value of the payload.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}/unseal": {
      post: {
        operationId: "unseal",
        summary: "Returns the payload behind a handle to its owner or a granted principal.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  requesting_principal: {
                    anyOf: [
                      {
                        type: "string",
                        minLength: 1,
                        maxLength: 1024,
                        description: "Who it is, such as a SPIFFE id.",
                      },
                      { type: "null" },
                    ],
                  },
                },
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: {
                    data: { description: "The payload: bytes, text or JSON data." },
                    data_encoding: {
                      description: "How data travels: as it is, or bytes in base64. Default json.",
                      type: "string",
                      enum: ["json", "base64"],
                    },
                  },
                  required: ["data"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}/safe_view": {
      get: {
        operationId: "get_safe_view",
        summary: "Returns a handle's safe view.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
        ],
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: { safe_view: { type: "string" } },
                  required: ["safe_view"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}": {
      get: {
        operationId: "describe",
        summary: "Returns owner, grants, times and uses left to the owner and to grantees.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
          {
            in: "header",
            name: "requesting-principal",
            schema: { description: "Whom the caller acts for, percent-encoded.", type: "string" },
            description: "Whom the caller acts for, percent-encoded.",
          },
        ],
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": { schema: { $ref: "#/components/schemas/Description" } },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
      delete: {
        operationId: "invalidate",
        summary: "Deletes a handle's record; an unknown handle is no error.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
          {
            in: "header",
            name: "requesting-principal",
            schema: { description: "Whom the caller acts for, percent-encoded.", type: "string" },
            description: "Whom the caller acts for, percent-encoded.",
          },
        ],
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: { ok: { type: "boolean", const: true } },
                  required: ["ok"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}/grants": {
      post: {
        operationId: "grant",
        summary: "Lets one more principal unseal; the owner alone may.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  principal: {
                    type: "string",
                    minLength: 1,
                    maxLength: 1024,
                    description: "Who it is, such as a SPIFFE id.",
                  },
                  by: {
                    anyOf: [
                      {
                        type: "string",
                        minLength: 1,
                        maxLength: 1024,
                        description: "Who it is, such as a SPIFFE id.",
                      },
                      { type: "null" },
                    ],
                  },
                },
                required: ["principal"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Handle" } } },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}/revoke": {
      post: {
        operationId: "revoke",
        summary: "Takes a grant back; the owner alone may.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  principal: {
                    type: "string",
                    minLength: 1,
                    maxLength: 1024,
                    description: "Who it is, such as a SPIFFE id.",
                  },
                  by: {
                    anyOf: [
                      {
                        type: "string",
                        minLength: 1,
                        maxLength: 1024,
                        description: "Who it is, such as a SPIFFE id.",
                      },
                      { type: "null" },
                    ],
                  },
                },
                required: ["principal"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Handle" } } },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/handles/{id}/renew": {
      post: {
        operationId: "renew",
        summary: "Lets a handle live for some seconds from now on; the owner alone may.",
        parameters: [
          {
            in: "path",
            name: "id",
            schema: {
              type: "string",
              description: "The handle's id: hdl_ and 32 lower-case hex digits.",
            },
            required: true,
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  ttl_seconds: {
                    type: "number",
                    minimum: 0,
                    maximum: 3155760000,
                    description: "Lifetime in seconds.",
                  },
                  by: {
                    anyOf: [
                      {
                        type: "string",
                        minLength: 1,
                        maxLength: 1024,
                        description: "Who it is, such as a SPIFFE id.",
                      },
                      { type: "null" },
                    ],
                  },
                },
                required: ["ttl_seconds"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Handle" } } },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/batch/seal": {
      post: {
        operationId: "seal_many",
        summary: "Seals many payloads: one outcome for each, in their order.",
        parameters: [],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  requests: {
                    maxItems: 1000,
                    type: "array",
                    items: {
                      type: "object",
                      properties: {
                        data: { description: "The payload: bytes, text or JSON data." },
                        owner_principal: {
                          anyOf: [
                            {
                              type: "string",
                              minLength: 1,
                              maxLength: 1024,
                              description: "Who it is, such as a SPIFFE id.",
                            },
                            { type: "null" },
                          ],
                        },
                        safe_view: {
                          type: "string",
                          maxLength: 4096,
                          description: "What anybody may know of the payload.",
                        },
                        ttl_seconds: {
                          anyOf: [
                            {
                              type: "number",
                              minimum: 0,
                              maximum: 3155760000,
                              description: "Lifetime in seconds.",
                            },
                            { type: "null" },
                          ],
                        },
                        granted_principals: {
                          anyOf: [
                            {
                              type: "array",
                              items: {
                                type: "string",
                                minLength: 1,
                                maxLength: 1024,
                                description: "Who it is, such as a SPIFFE id.",
                              },
                            },
                            { type: "null" },
                          ],
                        },
                        max_uses: {
                          anyOf: [
                            { type: "integer", minimum: 1, maximum: 4294967294 },
                            { type: "null" },
                          ],
                        },
                        leak_guard: {
                          anyOf: [
                            {
                              anyOf: [
                                { type: "string", const: "off" },
                                {
                                  type: "object",
                                  properties: {
                                    allow: {
                                      maxItems: 256,
                                      type: "array",
                                      items: { type: "string" },
                                      description:
                                        "JSON pointers, in which * stands for any one member.",
                                    },
                                  },
                                  required: ["allow"],
                                  additionalProperties: false,
                                },
                              ],
                              description:
                                "What of the payload the safe view may show; off for no check. Default: nothing.",
                            },
                            { type: "null" },
                          ],
                        },
                        data_encoding: {
                          description:
                            "How data travels: as it is, or bytes in base64. Default json.",
                          type: "string",
                          enum: ["json", "base64"],
                        },
                      },
                      required: ["data", "safe_view"],
                      additionalProperties: false,
                    },
                  },
                },
                required: ["requests"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: {
                    outcomes: {
                      type: "array",
                      items: {
                        anyOf: [
                          {
                            type: "object",
                            properties: {
                              ok: { type: "boolean", const: true },
                              value: { $ref: "#/components/schemas/Handle" },
                            },
                            required: ["ok", "value"],
                            additionalProperties: false,
                          },
                          {
                            type: "object",
                            properties: {
                              ok: { type: "boolean", const: false },
                              error: {
                                type: "object",
                                properties: {
                                  code: { type: "string" },
                                  message: { type: "string" },
                                },
                                required: ["code", "message"],
                                additionalProperties: false,
                              },
                            },
                            required: ["ok", "error"],
                            additionalProperties: false,
                          },
                        ],
                      },
                    },
                  },
                  required: ["outcomes"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/batch/unseal": {
      post: {
        operationId: "unseal_many",
        summary: "Unseals many handles: one outcome for each, in their order.",
        parameters: [],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  requests: {
                    maxItems: 1000,
                    type: "array",
                    items: {
                      type: "object",
                      properties: {
                        id: {
                          type: "string",
                          description: "The handle's id: hdl_ and 32 lower-case hex digits.",
                        },
                        requesting_principal: {
                          anyOf: [
                            {
                              type: "string",
                              minLength: 1,
                              maxLength: 1024,
                              description: "Who it is, such as a SPIFFE id.",
                            },
                            { type: "null" },
                          ],
                        },
                      },
                      required: ["id"],
                      additionalProperties: false,
                    },
                  },
                },
                required: ["requests"],
                additionalProperties: false,
              },
            },
          },
        },
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: {
                    outcomes: {
                      type: "array",
                      items: {
                        anyOf: [
                          {
                            type: "object",
                            properties: {
                              ok: { type: "boolean", const: true },
                              value: {
                                type: "object",
                                properties: {
                                  data: { description: "The payload: bytes, text or JSON data." },
                                  data_encoding: {
                                    description:
                                      "How data travels: as it is, or bytes in base64. Default json.",
                                    type: "string",
                                    enum: ["json", "base64"],
                                  },
                                },
                                required: ["data"],
                                additionalProperties: false,
                              },
                            },
                            required: ["ok", "value"],
                            additionalProperties: false,
                          },
                          {
                            type: "object",
                            properties: {
                              ok: { type: "boolean", const: false },
                              error: {
                                type: "object",
                                properties: {
                                  code: { type: "string" },
                                  message: { type: "string" },
                                },
                                required: ["code", "message"],
                                additionalProperties: false,
                              },
                            },
                            required: ["ok", "error"],
                            additionalProperties: false,
                          },
                        ],
                      },
                    },
                  },
                  required: ["outcomes"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "413": {
            description: "The request or the payload is too large.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "415": {
            description: "The body is not plain JSON.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
    "/health": {
      get: {
        operationId: "health",
        summary: "Returns that the service runs.",
        security: [],
        parameters: [],
        responses: {
          "200": {
            description: "Done.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: { status: { type: "string", const: "ok" } },
                  required: ["status"],
                  additionalProperties: false,
                },
              },
            },
          },
          "400": {
            description: "A parameter is of the wrong kind or out of its bounds.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "401": {
            description: "The request does not show who sends it.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "403": {
            description: "The caller may not do this, or not as the principal named.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "404": {
            description: "No such handle, or nothing at this path.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "409": {
            description: "Somebody else changed the handle meanwhile.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "410": {
            description: "The handle has expired, was evicted, or has no uses left.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "429": {
            description: "Too many requests or failed authentications.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "500": {
            description: "The service failed.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "503": {
            description: "The service is busy or stopping, or something it needs does not answer.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "504": {
            description: "Whether the operation took effect is not known.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
          "507": {
            description: "The service has no room.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      Handle: {
        type: "object",
        properties: {
          id: {
            type: "string",
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
          safe_view: { type: "string" },
          owner_principal: { type: "string" },
          granted_principals: { maxItems: 256, type: "array", items: { type: "string" } },
          created_at: {
            type: "string",
            format: "date-time",
            pattern:
              "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|([+-](?:[01]\\d|2[0-3]):[0-5]\\d)))$",
          },
          expires_at: {
            type: "string",
            format: "date-time",
            pattern:
              "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|([+-](?:[01]\\d|2[0-3]):[0-5]\\d)))$",
          },
        },
        required: [
          "id",
          "safe_view",
          "owner_principal",
          "granted_principals",
          "created_at",
          "expires_at",
        ],
        additionalProperties: false,
      },
      Error: {
        type: "object",
        properties: {
          error: { type: "string", description: "A fixed text." },
          code: { type: "string", description: "Stable identifier of the condition." },
          request_id: { type: "string" },
        },
        required: ["error", "code", "request_id"],
        additionalProperties: false,
      },
      Description: {
        type: "object",
        properties: {
          id: {
            type: "string",
            description: "The handle's id: hdl_ and 32 lower-case hex digits.",
          },
          safe_view: { type: "string" },
          owner_principal: { type: "string" },
          granted_principals: { maxItems: 256, type: "array", items: { type: "string" } },
          created_at: {
            type: "string",
            format: "date-time",
            pattern:
              "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|([+-](?:[01]\\d|2[0-3]):[0-5]\\d)))$",
          },
          expires_at: {
            type: "string",
            format: "date-time",
            pattern:
              "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|([+-](?:[01]\\d|2[0-3]):[0-5]\\d)))$",
          },
          uses_left: {
            anyOf: [{ type: "integer", minimum: 0, maximum: 9007199254740991 }, { type: "null" }],
          },
        },
        required: [
          "id",
          "safe_view",
          "owner_principal",
          "granted_principals",
          "created_at",
          "expires_at",
          "uses_left",
        ],
        additionalProperties: false,
      },
    },
    securitySchemes: {
      bearer: {
        type: "http",
        scheme: "bearer",
        description: "One way to show who is calling; client certificates are another.",
      },
    },
  },
};
