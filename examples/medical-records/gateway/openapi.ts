/** The OpenAPI description of the API, for clients and for the page at `/docs`. */

const BEARER = [{ bearer: [] }];

interface Route {
  readonly summary: string;
  readonly statuses: Readonly<Record<string, string>>;
  readonly parameter?: string;
  readonly needsToken?: boolean;
}

const UNAVAILABLE = { "503": "Patient records are unavailable." };
const REFUSED = { "401": "No token that counts.", "403": "Not for this caller." };
const UNKNOWN = { "404": "There is no such thing, or no longer." };

export const OPENAPI = {
  openapi: "3.1.0",
  info: { title: "Medical gateway", version: "1.0.0" },
  components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  paths: {
    "/health": get({ summary: "Are patient records there?", statuses: UNAVAILABLE }),
    "/tokens": get({
      summary: "Tokens to try the API with; not in production.",
      statuses: { "404": "Off." },
    }),
    "/patient/{id}": get({
      summary: "A handle of a patient's record.",
      parameter: "id",
      needsToken: true,
      statuses: { ...REFUSED, ...UNKNOWN, ...UNAVAILABLE },
    }),
    "/patient/{id}/rx": get({
      summary: "Handles of a patient's prescriptions.",
      parameter: "id",
      needsToken: true,
      statuses: { ...REFUSED, ...UNKNOWN, ...UNAVAILABLE },
    }),
    "/safe-view/{id}": get({
      summary: "What may be known of a handle.",
      parameter: "id",
      statuses: { ...UNKNOWN, ...UNAVAILABLE },
    }),
    "/resolve/{id}": post({
      summary: "What a handle stands for. For the gateway alone.",
      parameter: "id",
      needsToken: true,
      statuses: { ...REFUSED, ...UNKNOWN, ...UNAVAILABLE },
    }),
  },
};

function get(route: Route) {
  return { get: operation(route) };
}

function post(route: Route) {
  return { post: operation(route) };
}

function operation({ summary, statuses, parameter, needsToken }: Route) {
  const all = Object.entries({ "200": "Done.", ...statuses });
  return {
    summary,
    ...(needsToken === true ? { security: BEARER } : {}),
    ...(parameter === undefined
      ? {}
      : {
          parameters: [{ name: parameter, in: "path", required: true, schema: { type: "string" } }],
        }),
    responses: Object.fromEntries(all.map(([status, description]) => [status, { description }])),
  };
}
