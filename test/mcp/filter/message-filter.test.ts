import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandleVault, memoryCache } from "../../../src/index.js";
import {
  filterBatch,
  type JsonObject,
  type PolicyOptions,
  type RequestMessage,
} from "../../../src/mcp.js";
import { overriding } from "../../support/failing-cache.js";
import { Connection, POLICY, saying } from "../support/connection.js";

const SECRET = "canary 7f3a91";
const PASSING: PolicyOptions = { servers: {}, defaults: { unlisted: "pass" } };

function idIn(message: unknown): string {
  return /hdl_[0-9a-f]{32}/.exec(JSON.stringify(message))?.[0] ?? "no handle";
}

describe("a request", () => {
  it("reaches the server under a unique id, and the response has the client's id", async () => {
    const connection = new Connection();
    const seen = new Set<unknown>();
    for (const id of [1, "1", 1, -7.5, "x"]) {
      const request = await connection.call("open", {}, id);
      seen.add(request.id);
      expect(await connection.answer(request, saying("ok"))).toEqual({
        jsonrpc: "2.0",
        id,
        result: saying("ok"),
      });
    }
    expect(seen.size).toBe(5);
  });

  it("is answered by the rules of its own tool if a client uses an id twice", async () => {
    const connection = new Connection();
    const sealed = await connection.call("lookup", {}, 1);
    const open = await connection.call("open", {}, 1);
    expect(JSON.stringify(await connection.answer(sealed, saying(SECRET)))).not.toContain(SECRET);
    expect(JSON.stringify(await connection.answer(open, saying("words")))).toContain("words");
  });

  it("that was cancelled is not answered, even late or if another request has its id", async () => {
    const connection = new Connection();
    const cancelled = await connection.call("lookup", {}, 1);
    const { forward } = await connection.client({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1, reason: "slow" },
    });
    expect(forward).toMatchObject({ params: { requestId: cancelled.id, reason: "slow" } });
    await connection.call("open", {}, 1);
    expect(await connection.answer(cancelled, saying(SECRET))).toBeUndefined();
  });

  it("is answered once", async () => {
    const connection = new Connection();
    const request = await connection.call("open");
    await connection.answer(request, saying("first"));
    expect(await connection.answer(request, saying("second"))).toBeUndefined();
  });

  it.each([0, 2, "01", " 1", "1.0", null, { id: 1 }])(
    "is not answered under an id that is not its own: %j",
    async (id) => {
      const connection = new Connection();
      await connection.call("open");
      expect(await connection.server({ jsonrpc: "2.0", id, result: saying(SECRET) })).toEqual({});
    },
  );

  it("is answered if the server returns its id as a text", async () => {
    const connection = new Connection();
    const { id } = await connection.call("open");
    const { forward } = await connection.server({
      jsonrpc: "2.0",
      id: String(id),
      result: saying("ok"),
    });
    expect(forward).toEqual({ jsonrpc: "2.0", id: 1, result: saying("ok") });
  });

  it("is refused if a thousand others are pending", async () => {
    const connection = new Connection();
    const first = await connection.call("open", {}, 0);
    for (let index = 1; index < 1000; index += 1) await connection.call("open", {}, index);
    const call = { jsonrpc: "2.0", id: 1000, method: "tools/call", params: { name: "open" } };
    const { forward, reply } = await connection.client(call);
    expect(forward).toBeUndefined();
    expect(reply).toMatchObject({
      id: 1000,
      error: { message: expect.stringMatching(/^Not executed: too many/) },
    });
    expect(await connection.answer(first, saying("ok"))).toMatchObject({ id: 0 });
    expect((await connection.client(call)).forward).toBeDefined();
  });

  const unread: readonly [string, object][] = [
    [
      "with both a result and an error",
      { result: saying(SECRET), error: { code: 1, message: SECRET } },
    ],
    ["with a result that is no object", { result: SECRET }],
    ["with a result that is null", { result: null }],
    ["with an error that is a text", { error: SECRET }],
    ["with an error without a code", { error: { message: SECRET } }],
    ["with a method, too", { method: "x", result: saying(SECRET) }],
    ["without jsonrpc", { jsonrpc: undefined, result: saying(SECRET) }],
    ["of another version", { jsonrpc: "1.0", result: saying(SECRET) }],
  ];

  it.each(unread)("ends as executed if its response cannot be read: %s", async (_, members) => {
    for (const tool of ["open", "lookup", "unlisted"]) {
      const connection = new Connection();
      const { id } = await connection.call(tool);
      const message = JSON.parse(JSON.stringify({ jsonrpc: "2.0", id, ...members }));
      const { forward } = await connection.server(message);
      expect(forward).toMatchObject({
        id: 1,
        result: {
          isError: true,
          content: [{ text: expect.stringMatching(/^Executed, but .* Do not/) }],
        },
      });
      expect(JSON.stringify(forward)).not.toContain(SECRET);
      expect(connection.filter.waiting()).toEqual([]);
    }
    const connection = new Connection();
    const { id } = await connection.request("initialize");
    const message = JSON.parse(JSON.stringify({ jsonrpc: "2.0", id, ...members }));
    expect((await connection.server(message)).forward).toMatchObject({
      id: 1,
      error: { code: -32603, message: "The server gave no answer that can be read" },
    });
  });

  it("accepts null in place of an absent error", async () => {
    const connection = new Connection();
    const { id } = await connection.call("open");
    const { forward } = await connection.server({
      jsonrpc: "2.0",
      id,
      error: null,
      result: saying("ok"),
    });
    expect(forward).toEqual({ jsonrpc: "2.0", id: 1, result: saying("ok") });
  });

  it("stays pending while the server prints logs with an id", async () => {
    const connection = new Connection();
    const { id } = await connection.call("open");
    expect(await connection.server({ level: 30, id, msg: "listening" })).toEqual({});
    expect(connection.filter.waiting()).toEqual([id]);
  });

  it.each([
    { params: null },
    { params: [] },
    { params: "x" },
    { jsonrpc: "1.0" },
    { jsonrpc: undefined },
    { method: 5 },
    { method: null },
  ])("is refused if it is malformed, %j, from either side", async (members) => {
    const connection = new Connection();
    const message = JSON.parse(
      JSON.stringify({ jsonrpc: "2.0", id: "a", method: "tools/list", ...members }),
    );
    const invalid = {
      jsonrpc: "2.0",
      id: "a",
      error: { code: -32600, message: "Invalid request" },
    };
    expect(await connection.client(message)).toEqual({ reply: invalid });
    expect(await connection.server(message)).toEqual({ reply: invalid });
  });

  it("of the server ends with an error if the client's response cannot be read", async () => {
    const connection = new Connection({ policy: PASSING });
    const { forward } = await connection.server({ jsonrpc: "2.0", id: "s", method: "ping" });
    const id = (forward as RequestMessage).id;
    const answered = await connection.client({ jsonrpc: "2.0", id, result: "text" });
    expect(answered.forward).toMatchObject({ id: "s", error: { code: -32603 } });
  });

  it("is never pending after a response, for 10,000 forms of responses", async () => {
    const member = fc.oneof(
      fc.constantFrom<unknown>(undefined, null, {}, [], "x", 0, saying(SECRET), { code: -32603 }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const answers = fc.record({
      jsonrpc: fc.constantFrom<unknown>("2.0", "2.0", "1.0", undefined, 2),
      result: member,
      error: member,
      method: fc.constantFrom<unknown>(undefined, undefined, "x", 5),
      isText: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(answers, fc.constantFrom("open", "lookup", "use"), async (given, tool) => {
        const { isText, ...members } = given;
        const connection = new Connection();
        const { id } = await connection.call(tool);
        const message = JSON.parse(JSON.stringify({ ...members, id: isText ? String(id) : id }));
        const { forward } = await connection.server(message);
        const isAnswer = "result" in message || "error" in message;
        expect(connection.filter.waiting()).toEqual(isAnswer ? [] : [id]);
        if (isAnswer) expect(forward).toMatchObject({ id: 1 });
      }),
      { numRuns: 10_000 },
    );
  });

  it("of a client is answered or forwarded, for 10,000 forms of requests", async () => {
    const requests = fc.record({
      jsonrpc: fc.constantFrom<unknown>("2.0", "2.0", "1.0", undefined),
      id: fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      method: fc.oneof(
        fc.constantFrom<unknown>("tools/call", "tools/list", "ping", "x/y", "", null, 5, {}),
        fc.string(),
      ),
      params: fc.oneof(
        fc.constantFrom<unknown>(undefined, null, [], {}, { name: "open" }, { name: 5 }),
        fc.jsonValue({ maxDepth: 2 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(requests, async (given) => {
        const connection = new Connection();
        const message = JSON.parse(JSON.stringify(given));
        const { forward, reply } = await connection.client(message);
        expect([forward, reply].filter((one) => one !== undefined)).toHaveLength(1);
        if (reply !== undefined) expect(reply).toMatchObject({ id: message.id });
        expect(connection.filter.waiting()).toHaveLength(forward === undefined ? 0 : 1);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("a tool call", () => {
  it("reaches the server with values, and the client sees only the handle", async () => {
    const connection = new Connection();
    const answered = await connection.answer(await connection.call("lookup"), saying(SECRET));
    const handle = idIn(answered);
    const use = await connection.call("use", { value: handle, to: handle });
    expect(use.params?.["arguments"]).toEqual({ value: SECRET, to: handle });
    const echo = await connection.answer(use, saying(`used ${SECRET} up`));
    expect(echo).toMatchObject({ result: saying(`used ${handle} up`) });
  });

  it("has the handle wherever the tool repeats the value, errors included", async () => {
    const connection = new Connection();
    const value = { name: "Ada Lovelace", note: 'says "hi"' };
    const lookup = await connection.answer(await connection.call("lookup"), {
      content: [],
      structuredContent: value,
    });
    const handle = idIn(lookup);
    const said = `no ${value.name}: ${JSON.stringify(value)} ${encodeURIComponent(value.note)}`;
    for (const result of [
      { ...saying(said), isError: true },
      { ...saying(said), structuredContent: { [value.name]: [value] } },
    ]) {
      const use = await connection.call("use", { value: handle });
      expect(use.params?.["arguments"]).toEqual({ value });
      const answered = JSON.stringify(await connection.answer(use, result));
      expect(answered).not.toMatch(/Ada|says/);
      expect(answered).toContain(`no ${handle}`);
    }
    const failing = await connection.call("use", { value: handle });
    const error = { code: -32602, message: said, data: value };
    const { forward } = await connection.server({ jsonrpc: "2.0", id: failing.id, error });
    expect(forward).toMatchObject({ error: { code: -32602, message: "Invalid params" } });
    expect(JSON.stringify(forward)).not.toContain("Ada");
  });

  it("is hydrated for its own subject only", async () => {
    const vault = new HandleVault();
    const alice = new Connection({ vault });
    const handle = idIn(await alice.answer(await alice.call("lookup"), saying(SECRET)));
    const bob = new Connection({ vault, subject: () => "bob" });
    const message = { name: "use", arguments: { value: handle } };
    const passage = await bob.client({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: message,
    });
    expect(passage.forward).toBeUndefined();
    expect(passage.reply).toMatchObject({ id: 1, result: { isError: true } });
  });

  it("uses one subject throughout, which is determined once", async () => {
    let asked = 0;
    const subject = () => {
      asked += 1;
      return `subject ${asked}`;
    };
    const connection = new Connection({ subject });
    const request = await connection.call("lookup");
    const handle = idIn(await connection.answer(request, saying(SECRET)));
    expect(asked).toBe(1);
    const owner = "mcp-server:records#subject 1";
    expect(await connection.vault.unseal(handle, owner)).toBe(SECRET);
  });

  it.each<[string, () => string | Promise<string>]>([
    ["is unknown", () => Promise.reject(new Error(`no ${SECRET}`))],
    [
      "cannot be told",
      () => {
        throw new Error(SECRET);
      },
    ],
    ["is empty", () => ""],
    ["is no text", () => undefined as never],
  ])("is not executed where the subject %s", async (_, subject) => {
    const connection = new Connection({ subject });
    for (const name of ["lookup", "use", "open"]) {
      const passage = await connection.client(toolCall(name));
      expect(passage).toEqual({ reply: notExecuted(/nobody is known/) });
    }
  });

  it("is not executed while the vault is down", async () => {
    const cache = overriding(memoryCache(), { insert: () => Promise.reject(new Error(SECRET)) });
    const connection = new Connection({ vault: new HandleVault({ cache }) });
    expect(await connection.client(toolCall("lookup"))).toEqual({ reply: notExecuted(/vault/) });
  });

  it("is not executed while the cache is full, and is executed when there is space", async () => {
    const vault = new HandleVault({ cache: memoryCache({ maxEntries: 1 }) });
    const only = await vault.seal(SECRET, { ownerPrincipal: "anybody", safeView: "a text" });
    const connection = new Connection({ vault });
    expect(await connection.client(toolCall("lookup"))).toEqual({ reply: notExecuted(/vault/) });
    await vault.invalidate(only.id);
    const answered = await connection.answer(await connection.call("lookup"), saying(SECRET));
    expect(JSON.stringify(answered)).toContain("hdl_");
  });

  it("whose output cannot be sealed is answered as executed, with advice not to retry", async () => {
    const cache = memoryCache();
    let isFull = false;
    const failing = overriding(cache, {
      insert: (...given) => {
        if (isFull) throw new Error(SECRET);
        return cache.insert(...given);
      },
    });
    const connection = new Connection({ vault: new HandleVault({ cache: failing }) });
    const request = await connection.call("lookup");
    isFull = true;
    expect(await connection.answer(request, saying(SECRET))).toEqual(
      notExecuted(/^Executed.*Do not retry/s),
    );
  });

  it("that is cancelled while its arguments are opened never reaches the server", async () => {
    let open: (subject: string) => void = () => undefined;
    const subject = new Promise<string>((resolve) => {
      open = resolve;
    });
    const connection = new Connection({ subject: () => subject });
    const passing = connection.client(toolCall("lookup"));
    await connection.client({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1 },
    });
    open("alice");
    expect(await passing).toEqual({});
  });

  it.each([undefined, 5, "", "a b", "use#bob", "x".repeat(129)])(
    "needs the name of a tool: %j",
    async (name) => {
      const { forward, reply } = await new Connection().client(toolCall(name as string));
      expect(forward).toBeUndefined();
      expect(reply).toMatchObject({ id: 1, error: { code: -32602 } });
    },
  );

  it("of a tool that does not match its rules is not executed, on any connection", async () => {
    const policy = new Connection();
    const list = await policy.request("tools/list");
    const tools = [
      { name: "use", inputSchema: { type: "object", properties: {} } },
      { name: "open" },
    ];
    const listed = await policy.answer(list, { tools });
    expect(listed).toMatchObject({ result: { tools: [{ name: "open" }] } });
    expect(policy.warnings).toEqual([
      "The tool records/use is refused: /value cannot be found in its input schema.",
    ]);
    expect(await policy.client(toolCall("use"))).toEqual({ reply: notExecuted(/policy/) });
    await policy.answer(await policy.request("tools/list"), { tools });
    expect(policy.warnings).toHaveLength(1);
  });

  it("receives a result that names its type if the revision requires it", async () => {
    const connection = new Connection({ subject: () => "" });
    const call = toolCall("lookup");
    const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const { reply } = await connection.client({ ...call, params: { ...call.params, _meta: meta } });
    expect(reply).toMatchObject({ result: { isError: true, resultType: "complete" } });
  });

  it.each([
    { resultType: "input_required", inputRequests: { a: SECRET }, requestState: SECRET },
    { task: { taskId: SECRET, status: SECRET } },
    { ...saying(SECRET), resultType: SECRET },
  ])("that does not end says so in a fixed text: case %#", async (result) => {
    const connection = new Connection();
    const answered = await connection.answer(await connection.call("open"), result);
    expect(answered).toMatchObject({ result: { isError: true } });
    expect(JSON.stringify(answered)).not.toContain(SECRET);
  });
});

describe("progress", () => {
  const progress = (progressToken: unknown, more: JsonObject = {}) => ({
    jsonrpc: "2.0",
    method: "notifications/progress",
    params: {
      progressToken,
      progress: 4_111_111_111,
      total: 4_222_222_222,
      message: SECRET,
      ...more,
    },
  });

  async function callWithToken(connection: Connection, name: string): Promise<RequestMessage> {
    return connection.request("tools/call", { name, _meta: { progressToken: "t", other: 1 } });
  }

  it("has the client's token, is counted, and contains no text of the server", async () => {
    const connection = new Connection();
    const request = await callWithToken(connection, "lookup");
    const meta = request.params?.["_meta"] as JsonObject;
    expect(meta).toEqual({ progressToken: request.id, other: 1 });
    for (const count of [1, 2]) {
      const { forward } = await connection.server(progress(meta["progressToken"]));
      expect(forward).toEqual({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "t", progress: count },
      });
    }
  });

  it("of one call is never reported for another, even if they share a token", async () => {
    const connection = new Connection();
    const sealed = await callWithToken(connection, "lookup");
    const open = await callWithToken(connection, "open");
    const shown = async (request: RequestMessage) =>
      JSON.stringify((await connection.server(progress(request.id))).forward);
    expect(await shown(open)).toContain(SECRET);
    expect(await shown(sealed)).not.toContain(SECRET);
  });

  it.each(["t", 99, undefined])("that was not requested is dropped: %j", async (token) => {
    const connection = new Connection();
    await callWithToken(connection, "lookup");
    expect(await connection.server(progress(token))).toEqual({ forward: undefined });
  });
});

describe("notifications", () => {
  it.each([
    ["notifications/tools/list_changed", undefined],
    ["notifications/prompts/list_changed", undefined],
    ["notifications/resources/list_changed", undefined],
    ["notifications/message", { level: "info", data: "withheld" }],
    ["notifications/subscriptions/acknowledged", { notifications: { toolsListChanged: true } }],
  ])("of the kind %s reach the client without what the server wrote", async (method, params) => {
    const given = {
      level: SECRET,
      data: SECRET,
      notifications: { toolsListChanged: true, resourceSubscriptions: [SECRET] },
      _meta: { a: SECRET },
    };
    const { forward } = await new Connection().server({ jsonrpc: "2.0", method, params: given });
    expect(forward).toEqual({
      jsonrpc: "2.0",
      method,
      ...(params === undefined ? {} : { params }),
    });
  });

  it("may have no parameters at all", async () => {
    const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
    expect(await new Connection().server(changed)).toEqual({ forward: changed });
    expect(
      await new Connection().server({ ...changed, method: "notifications/cancelled" }),
    ).toEqual({});
    expect(
      await new Connection().client({ ...changed, method: "notifications/cancelled" }),
    ).toEqual({});
    const initialized = { ...changed, method: "notifications/initialized" };
    expect(await new Connection().client(initialized)).toEqual({ forward: initialized });
  });
});

describe("a message for a call that opened a handle", () => {
  it("has fixed texts, even if the tool seals nothing", async () => {
    const connection = new Connection();
    const handle = idIn(await connection.answer(await connection.call("lookup"), saying(SECRET)));
    const log = {
      jsonrpc: "2.0",
      method: "notifications/message",
      params: { level: "error", logger: SECRET, data: SECRET.toUpperCase() },
    };
    const plain = await connection.call("use", { value: "words" });
    expect(await connection.server(log, plain.id)).toEqual({ forward: log });
    const hydrated = await connection.call("use", { value: handle }, 2);
    expect(await connection.server(log, hydrated.id)).toEqual({
      forward: { ...log, params: { level: "error", data: "withheld" } },
    });
    expect(await connection.server(log)).toMatchObject({
      forward: { params: { data: "withheld" } },
    });
  });

  it("is not a request to the client", async () => {
    const connection = new Connection();
    const handle = idIn(await connection.answer(await connection.call("lookup"), saying(SECRET)));
    const hydrated = await connection.call("use", { value: handle });
    const question = {
      jsonrpc: "2.0",
      id: 9,
      method: "elicitation/create",
      params: { message: SECRET },
    };
    const { forward, reply } = await connection.server(question, hydrated.id);
    expect(forward).toBeUndefined();
    expect(reply).toMatchObject({ id: 9, error: { code: -32600 } });
  });
});

describe("errors of the protocol", () => {
  async function errorOf(error: JsonObject): Promise<unknown> {
    const connection = new Connection();
    const { id } = await connection.call("lookup");
    const { forward } = await connection.server({ jsonrpc: "2.0", id, error });
    return (forward as { error: unknown }).error;
  }

  it.each([
    [-32700, "Parse error"],
    [-32601, "Method not found"],
    [-32602, "Invalid params"],
    [-32002, "Resource not found"],
  ])("keep the code %i, and nothing that the server wrote", async (code, message) => {
    expect(await errorOf({ code, message: SECRET, data: { at: SECRET } })).toEqual({
      code,
      message,
    });
  });

  it.each([-32042, 4_111_111_111, 0.5])("lose a code that could be data: %d", async (code) => {
    const fixed = { code: -32603, message: "Server error" };
    expect(await errorOf({ code, message: SECRET, data: SECRET })).toEqual(fixed);
  });

  it("keep the versions and capabilities that a client needs", async () => {
    const data = {
      supported: ["2025-11-25", "2001-09-11", SECRET, 5],
      requested: "1990-12-31",
      requiredCapabilities: { sampling: { x: SECRET }, [SECRET]: {} },
    };
    expect(await errorOf({ code: -32022, message: SECRET, data })).toEqual({
      code: -32022,
      message: "Unsupported protocol version",
      data: { supported: ["2025-11-25"] },
    });
    expect(await errorOf({ code: -32021, message: SECRET, data })).toEqual({
      code: -32021,
      message: "Missing required client capability",
      data: { requiredCapabilities: { sampling: {} } },
    });
  });

  it("of an open tool are unchanged", async () => {
    const connection = new Connection();
    const { id } = await connection.call("open");
    const error = { code: -32042, message: "words", data: { a: 1 } };
    const { forward } = await connection.server({ jsonrpc: "2.0", id, error });
    expect(forward).toEqual({ jsonrpc: "2.0", id: 1, error });
  });
});

describe("a request of the server", () => {
  const ping = { jsonrpc: "2.0", id: SECRET, method: "ping", params: { _meta: { a: SECRET } } };

  it("reaches the client under another id, and is answered once under its own id", async () => {
    const connection = new Connection();
    const { forward } = await connection.server(ping);
    expect(forward).toEqual({ jsonrpc: "2.0", id: 1, method: "ping" });
    const answer = { jsonrpc: "2.0", id: 1, result: {} };
    expect(await connection.client(answer)).toEqual({ forward: { ...answer, id: SECRET } });
    expect(await connection.client(answer)).toEqual({});
  });

  it("that fails is also answered under its own id", async () => {
    const connection = new Connection();
    await connection.server(ping);
    const error = { jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no" } };
    expect(await connection.client(error)).toEqual({ forward: { ...error, id: SECRET } });
  });

  it("can be cancelled, and the reason is dropped", async () => {
    const connection = new Connection();
    await connection.server(ping);
    const cancelled = (requestId: unknown) => ({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId, reason: SECRET },
    });
    expect(await connection.server(cancelled(SECRET))).toEqual({
      forward: { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
    });
    expect(await connection.server(cancelled("another"))).toEqual({});
  });

  it.each(["01", 2, null])("is not answered under an id that is not its own: %j", async (id) => {
    const connection = new Connection();
    await connection.server(ping);
    expect(
      await connection.client({ jsonrpc: "2.0", id, error: { code: 1, message: "x" } }),
    ).toEqual({});
  });
});

describe("pages of a list", () => {
  const nextCursor = `after ${SECRET}`;

  it("are requested with a cursor that contains no data and that only the subject can use", async () => {
    const vault = new HandleVault();
    const alice = new Connection({ vault });
    const first = await alice.request("tools/list");
    const listed = await alice.answer(first, { tools: [], nextCursor });
    expect(JSON.stringify(listed)).not.toContain(SECRET);
    const params = { cursor: idIn(listed) };
    expect((await alice.request("tools/list", params)).params).toEqual({ cursor: nextCursor });
    const bob = new Connection({ vault, subject: () => "bob" });
    await expect(bob.request("tools/list", params)).rejects.toThrow("Invalid cursor");
  });

  it("cannot be requested with the handle of a result or with any other text", async () => {
    const connection = new Connection();
    const handle = idIn(await connection.answer(await connection.call("lookup"), saying(SECRET)));
    for (const cursor of [handle, "page 2", `hdl_${"0".repeat(32)}`]) {
      await expect(connection.request("tools/list", { cursor })).rejects.toThrow("Invalid cursor");
    }
  });
});

describe("any message of a server", () => {
  const METHODS = [
    "initialize",
    "server/discover",
    "ping",
    "logging/setLevel",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
    "tasks/get",
    "tasks/result",
    "constructor",
    "__proto__",
    "example.org/anything",
  ];
  const NAMES = [
    "protocolVersion",
    "supportedVersions",
    "capabilities",
    "tools",
    "experimental",
    "serverInfo",
    "name",
    "version",
    "instructions",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "type",
    "properties",
    "required",
    "enum",
    "annotations",
    "readOnlyHint",
    "content",
    "text",
    "isError",
    "structuredContent",
    "resources",
    "contents",
    "messages",
    "completion",
    "values",
    "_meta",
    "resultType",
    "ttlMs",
    "cacheScope",
    "task",
    "requestState",
    "level",
    "data",
    "progressToken",
    "requestId",
    "reason",
    "notifications",
    "uri",
    "$ref",
    "anyOf",
    "items",
    "$defs",
  ];
  const data = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(
        SECRET,
        `2026-07-28 ${SECRET}`,
        `#/${SECRET}`,
        "object",
        "lookup",
        true,
        null,
        1,
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 6 }),
  })).object;

  it("that is a result passes no text of the server", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...METHODS), data, async (method, result) => {
        const connection = new Connection();
        const request = await connection.request(method, { name: "lookup", uri: "x://1" });
        const answered = await connection.answer(request, result);
        expect(answered).toMatchObject({ jsonrpc: "2.0", id: 1 });
        expect(JSON.stringify(answered)).not.toContain(SECRET);
      }),
      { numRuns: 1500 },
    );
  });

  it("that describes a tool passes no text of the server", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("lookup", "open", "other"),
        data,
        data,
        async (name, one, two) => {
          const connection = new Connection();
          const tool = { ...one, name, inputSchema: one, outputSchema: two, annotations: two };
          const list = await connection.request("tools/list");
          const answered = await connection.answer(list, { tools: [tool] });
          expect(answered).toMatchObject({ result: { tools: [{ name }] } });
          expect(JSON.stringify(answered)).not.toContain(SECRET);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("that is a notification, a request or an error passes no text of the server", async () => {
    const methods = [
      "notifications/message",
      "notifications/progress",
      "notifications/cancelled",
      "notifications/tools/list_changed",
      "notifications/resources/updated",
      "notifications/subscriptions/acknowledged",
      "notifications/tasks/status",
      "notifications/elicitation/complete",
      "notifications/constructor",
      "roots/list",
      "ping",
      "sampling/createMessage",
      "elicitation/create",
      "__proto__",
      SECRET,
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        data,
        fc.boolean(),
        fc.boolean(),
        async (method, params, isRequest, isError) => {
          const connection = new Connection();
          const { id } = await connection.call("lookup");
          const message = isError
            ? { id, error: { code: -32600, message: SECRET, data: params } }
            : { method, params, ...(isRequest ? { id: SECRET } : {}) };
          const { forward } = await connection.server(
            { jsonrpc: "2.0", extra: SECRET, ...message },
            id,
          );
          expect(JSON.stringify(forward ?? null)).not.toContain(SECRET);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    null,
    5,
    "text",
    [],
    {},
    { jsonrpc: "1.0", id: 1, result: {} },
    { jsonrpc: "2.0" },
    { jsonrpc: "2.0", id: 1, result: {}, error: { code: 1 } },
    { jsonrpc: "2.0", id: 1, method: "ping", result: {} },
    { jsonrpc: "2.0", id: {}, method: "ping" },
    { jsonrpc: "2.0", method: 5 },
    { jsonrpc: "2.0", method: "ping", params: [SECRET] },
    { jsonrpc: "2.0", id: 1, result: SECRET },
    { jsonrpc: "2.0", id: 1, error: { message: SECRET } },
  ])("that is no message goes nowhere: %j", async (message) => {
    expect(await new Connection().server(message)).toEqual({});
    expect(await new Connection().client(message)).toEqual({});
  });
});

describe("a policy that passes unlisted items", () => {
  it.each(["initialize", "resources/read", "prompts/get", "completion/complete", "any/other"])(
    "leaves the response to %s unchanged",
    async (method) => {
      const connection = new Connection({ policy: PASSING });
      const result = { any: { text: SECRET }, _meta: { a: 1 } };
      const answered = await connection.answer(await connection.request(method), result);
      expect(answered).toEqual({ jsonrpc: "2.0", id: 1, result });
    },
  );

  it("leaves tools, notifications, requests and errors unchanged", async () => {
    const connection = new Connection({ policy: PASSING });
    const call = await connection.call("any", { a: 1 });
    const log = { jsonrpc: "2.0", method: "notifications/message", params: { data: SECRET } };
    expect(await connection.server(log)).toEqual({ forward: log });
    const question = { jsonrpc: "2.0", id: 3, method: "sampling/createMessage", params: {} };
    expect(await connection.server(question)).toEqual({ forward: { ...question, id: 1 } });
    const result = { ...saying(SECRET), _meta: { a: 1 }, resultType: "input_required" };
    expect(await connection.answer(call, result)).toMatchObject({ result });
  });

  it.each(["Look up a patient", "größe", "a#b", undefined])(
    "leaves calls and listings of tools with any name unchanged: %j",
    async (name) => {
      const connection = new Connection({ policy: PASSING });
      const call = await connection.request("tools/call", { name });
      expect(await connection.answer(call, saying(SECRET))).toMatchObject({
        result: saying(SECRET),
      });
      const list = await connection.request("tools/list");
      const tools = [{ name, description: SECRET }];
      expect(await connection.answer(list, { tools })).toMatchObject({ result: { tools } });
    },
  );

  it("does not pass messages without a request if it seals anything of the server", async () => {
    const policy = { ...POLICY, defaults: { unlisted: "pass" } } as const;
    const connection = new Connection({ policy });
    const log = { jsonrpc: "2.0", method: "notifications/message", params: { data: SECRET } };
    const { forward } = await connection.server(log);
    expect(JSON.stringify(forward)).not.toContain(SECRET);
  });
});

describe("an output or a resource that cannot be sealed", () => {
  it("has its cause reported only to the operator, not to the client", async () => {
    const vault = new HandleVault();
    const connection = new Connection({ vault });
    const call = await connection.call("lookup");
    const { id } = await connection.request("resources/read", { uri: "x" }, 2);
    await vault.close();
    const told = await connection.answer(call, saying(SECRET));
    await connection.server({ jsonrpc: "2.0", id, result: { contents: [{ text: SECRET }] } });
    expect(connection.warnings).toEqual([
      expect.stringMatching(/^The output of records\/lookup is withheld: \S/),
      expect.stringMatching(/^An answer of the server is withheld: \S/),
    ]);
    expect(JSON.stringify([told, connection.warnings])).not.toContain(SECRET);
  });
});

describe("a policy that passes unlisted items and seals others", () => {
  const policy = { ...POLICY, defaults: { unlisted: "pass" } } as const;

  it.each([
    "tasks/result",
    "tasks/get",
    "tasks/list",
    " Tasks/result",
    "tools/result",
    "TOOLS/CALL",
  ])("says nothing of an answer to %s, which may have what a tool returned", async (method) => {
    const connection = new Connection({ policy });
    const answered = await connection.answer(await connection.request(method), saying(SECRET));
    expect(answered).toMatchObject({ error: { message: "Result withheld" } });
    const { id } = await connection.request(method);
    const error = { code: -32000, message: SECRET, data: SECRET };
    const { forward } = await connection.server({ jsonrpc: "2.0", id, error });
    expect(JSON.stringify(forward)).not.toContain(SECRET);
  });

  it.each<unknown>([["lookup"], "Lookup", "lookup ", "\tlookup", "ｌookup", { a: 1 }, null, 0])(
    "does not forward a call that the server could take for a call of a tool with rules: %j",
    async (name) => {
      const connection = new Connection({ policy });
      const params = { name, arguments: {} };
      const passed = await connection.client({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params,
      });
      expect(passed).toEqual({ reply: expect.objectContaining({ error: expect.anything() }) });
    },
  );

  it("does not change tools with other names", async () => {
    const connection = new Connection({ policy });
    const call = await connection.call("lookups");
    expect(await connection.answer(call, saying("open"))).toMatchObject({ result: saying("open") });
  });
});

describe("a policy that refuses unlisted items", () => {
  it.each(["resources/read", "resources/subscribe", "prompts/get", "completion/complete"])(
    "does not forward %s",
    async (method) => {
      const connection = new Connection({
        policy: { ...POLICY, defaults: { unlisted: "refuse" } },
      });
      await expect(connection.request(method)).rejects.toThrow("policy does not allow");
    },
  );

  it("does not forward calls of other tools", async () => {
    const connection = new Connection({ policy: { ...POLICY, defaults: { unlisted: "refuse" } } });
    expect(await connection.client(toolCall("other"))).toEqual({ reply: notExecuted(/policy/) });
    await connection.call("open");
  });
});

describe("a batch", () => {
  it("is filtered message by message, in both directions", async () => {
    const connection = new Connection();
    const batch = [
      toolCall("lookup"),
      toolCall("a b"),
      5,
      { jsonrpc: "2.0", method: "notifications/x" },
    ];
    const inward = await filterBatch(batch, (message) => connection.client(message));
    expect(inward.forward).toHaveLength(2);
    expect(inward.reply).toMatchObject([{ error: { code: -32602 } }]);
    const [call] = inward.forward as RequestMessage[];
    const answers = [
      { jsonrpc: "2.0", id: call?.id, result: saying(SECRET) },
      { jsonrpc: "2.0", id: 9, method: "ping" },
    ];
    const outward = await filterBatch(answers, (message) => connection.server(message));
    expect(outward.forward).toMatchObject([{ id: 1 }, { method: "ping" }]);
    expect(JSON.stringify(outward)).not.toContain(SECRET);
  });
});

function toolCall(name: string) {
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } };
}

function notExecuted(text: RegExp) {
  return {
    jsonrpc: "2.0",
    id: 1,
    result: { content: [{ type: "text", text: expect.stringMatching(text) }], isError: true },
  };
}
