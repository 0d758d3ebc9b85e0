/** The responses of the server for the conformance suite. The suite prescribes names and texts. */
import type { Peer } from "./leaky-server.js";

export type Params = Readonly<Record<string, unknown>>;
type Result = Record<string, unknown>;

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

const text = (words: string) => ({ type: "text", text: words });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const audio = { type: "audio", data: WAV, mimeType: "audio/wav" };
const embedded = (uri: string) => ({
  type: "resource",
  resource: { uri, mimeType: "text/plain", text: "This is an embedded resource content." },
});
const said = (words: string): Result => ({ content: [text(words)] });

const NAME_SCHEMA = {
  type: "object",
  properties: { name: { type: "string" } },
  required: ["name"],
};

/** Requests input as in revision 2026-07-28, and continues when it has arrived. */
function asksFor(inputRequests: Result, then: (responses: Params) => string) {
  return ({ inputResponses }: Params): Result => {
    const responses = (inputResponses ?? {}) as Params;
    const isThere = Object.keys(inputRequests).every((name) => responses[name] !== undefined);
    return isThere ? said(then(responses)) : { resultType: "input_required", inputRequests };
  };
}

const elicit = (message: string, requestedSchema: Result) => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema },
});

const sampling = {
  method: "sampling/createMessage",
  params: {
    messages: [{ role: "user", content: text("What is the capital of France?") }],
    maxTokens: 100,
  },
};

function elicits(requestedSchema: Result) {
  return async (_: Params, peer: Peer): Promise<Result> => {
    const given = await peer.request("elicitation/create", { message: "Please", requestedSchema });
    return said(`User response: ${JSON.stringify(given)}`);
  };
}

type Tool = (params: Params, peer: Peer) => Result | Promise<Result>;

const TOOLS: Readonly<Record<string, Tool>> = {
  test_simple_text: () => said("This is a simple text response for testing."),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [audio] }),
  test_embedded_resource: () => ({ content: [embedded("test://embedded-resource")] }),
  test_multiple_content_types: () => ({
    content: [text("Several kinds:"), image, embedded("test://mixed-content-resource")],
  }),
  test_error_handling: () => ({
    ...said("This tool intentionally returns an error for testing"),
    isError: true,
  }),
  test_tool_with_logging: async (_, peer) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution ended"]) {
      await peer.notify("notifications/message", { level: "info", data });
    }
    return said("Logged");
  },
  test_tool_with_progress: async (_, peer) => {
    const { progressToken } = peer;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await peer.notify("notifications/progress", { progressToken, progress, total: 100 });
    }
    return said("Done");
  },
  test_sampling: async (_, peer) =>
    said(`LLM response: ${JSON.stringify(await peer.request(sampling.method, sampling.params))}`),
  test_elicitation: elicits({
    type: "object",
    properties: { response: { type: "string", description: "User's response" } },
    required: ["response"],
  }),
  test_elicitation_sep1034_defaults: elicits({
    type: "object",
    properties: {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    },
  }),
  json_schema_2020_12_tool: () => said("ok"),
  test_input_required_result_elicitation: asksFor(
    { user_name: elicit("What is your name?", NAME_SCHEMA) },
    (responses) => `Hello, ${JSON.stringify(responses["user_name"])}!`,
  ),
  test_input_required_result_sampling: asksFor({ capital_question: sampling }, (responses) =>
    JSON.stringify(responses["capital_question"]),
  ),
  test_input_required_result_list_roots: asksFor(
    { client_roots: { method: "roots/list", params: {} } },
    (responses) => JSON.stringify(responses["client_roots"]),
  ),
};

/** Keywords that must be preserved in a listing. */
const JSON_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const RESOURCES: Readonly<Record<string, Result>> = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of a static text." },
  "test://static-binary": { mimeType: "image/png", blob: PNG },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched" },
};
const TEMPLATED = /^test:\/\/template\/([^/]+)\/data$/;

function readResource({ uri }: Params): Result {
  const id = TEMPLATED.exec(String(uri))?.[1];
  const data = { mimeType: "application/json", text: JSON.stringify({ id, templateTest: true }) };
  const found = id === undefined ? RESOURCES[String(uri)] : data;
  if (found === undefined) throw Object.assign(new Error("Resource not found"), { code: -32602 });
  return { contents: [{ uri, ...found }] };
}

const message = (content: unknown) => ({ messages: [{ role: "user", content }] });

const PROMPTS: Readonly<Record<string, (given: Params) => Result>> = {
  test_simple_prompt: () => message(text("This is a simple prompt for testing.")),
  test_prompt_with_arguments: ({ arg1, arg2 }) =>
    message(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  test_prompt_with_embedded_resource: ({ resourceUri }) => message(embedded(String(resourceUri))),
  test_prompt_with_image: () => message(image),
};
const PROMPT_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  test_prompt_with_arguments: ["arg1", "arg2"],
  test_prompt_with_embedded_resource: ["resourceUri"],
};

/** The response to each method. */
export const CONFORMANCE_ANSWERS: Readonly<Record<string, Tool>> = {
  "tools/list": () => ({
    tools: Object.keys(TOOLS).map((name) => ({
      name,
      description: `The suite's tool ${name}`,
      inputSchema: name === "json_schema_2020_12_tool" ? JSON_SCHEMA : { type: "object" },
    })),
  }),
  "tools/call": (params, peer) => {
    const tool = TOOLS[String(params["name"])];
    if (tool === undefined) throw Object.assign(new Error("Unknown tool"), { code: -32602 });
    return tool(params, peer);
  },
  "resources/list": () => ({
    resources: Object.keys(RESOURCES).map((uri) => ({ uri, name: uri, description: uri })),
  }),
  "resources/templates/list": () => ({
    resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "template" }],
  }),
  "resources/read": readResource,
  "resources/subscribe": () => ({}),
  "resources/unsubscribe": () => ({}),
  "prompts/list": () => ({
    prompts: Object.keys(PROMPTS).map((name) => ({
      name,
      description: name,
      arguments: PROMPT_ARGUMENTS[name]?.map((argument) => ({ name: argument, required: true })),
    })),
  }),
  "prompts/get": (params) => {
    const prompt = PROMPTS[String(params["name"])];
    if (prompt === undefined) throw Object.assign(new Error("Unknown prompt"), { code: -32602 });
    return prompt((params["arguments"] ?? {}) as Params);
  },
  "completion/complete": () => ({ completion: { values: ["paris", "park"], total: 2 } }),
  "logging/setLevel": () => ({}),
};
