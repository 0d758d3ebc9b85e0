import { describe, expect, it } from "vitest";
import {
  errorResponse,
  methodNotFound,
  type Perform,
  readFrame,
  respondToMessage,
} from "../../../src/transport/json-rpc/messages.js";
import { loadVectors } from "../../support/vectors.js";

interface Pair {
  readonly name: string;
  readonly request: string;
  readonly response: unknown;
}
interface Rule {
  readonly name: string;
  readonly request: string;
  readonly code: number;
}
const { pairs } = loadVectors<{ pairs: Pair[] }>("jsonrpc/spec_examples.json");
const { cases } = loadVectors<{ cases: Rule[] }>("jsonrpc/rule_examples.json");

type Numbers = Readonly<Record<"minuend" | "subtrahend", number>> & readonly number[];

/** The methods that the specification's examples call. */
const EXAMPLES: Readonly<Record<string, (params: Numbers) => unknown>> = {
  subtract: (params) =>
    Array.isArray(params)
      ? Number(params[0]) - Number(params[1])
      : params.minuend - params.subtrahend,
  sum: (params) => [...params].reduce((sum, value) => sum + value, 0),
  get_data: () => ["hello", 5],
  update: () => null,
  notify_hello: () => null,
  notify_sum: () => null,
};

const performExample: Perform = async ({ method, params }) => {
  const example = Object.hasOwn(EXAMPLES, method) ? EXAMPLES[method] : undefined;
  if (example === undefined) throw methodNotFound();
  return example(params as Numbers);
};

/** Returns the response to a text; `null` if there is none. */
async function answerTo(text: string | Uint8Array, perform = performExample): Promise<unknown> {
  try {
    const answer = await respondToMessage(readFrame(Buffer.from(text)), perform);
    return answer === undefined ? null : JSON.parse(answer);
  } catch (error) {
    return JSON.parse(errorResponse(error, null));
  }
}

describe("JSON-RPC 2.0", () => {
  it.each(pairs.map((pair) => [pair.name, pair] as const))(
    "answers the specification's example: %s",
    async (_name, { request, response }) => {
      expect(await answerTo(request)).toEqual(response);
    },
  );

  it.each(cases.map((rule) => [rule.name, rule] as const))(
    "follows the rule: %s",
    async (_name, { request, code }) => {
      expect(await answerTo(request)).toMatchObject({ error: { code } });
    },
  );

  it("answers a request that leaves the version out without it, also in a batch", async () => {
    const bare = '{"method":"sum","params":[1,2],"id":"a"}';
    const whole = '{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":"b"}';
    const answers = [
      { result: 3, id: "a" },
      { jsonrpc: "2.0", result: 3, id: "b" },
    ];
    expect(await answerTo(bare)).toEqual(answers[0]);
    expect(await answerTo(whole)).toEqual(answers[1]);
    expect(await answerTo(`[${bare},${whole}]`)).toEqual(answers);
    expect(await answerTo('{"method":"nothing","id":1}')).toEqual({
      error: { code: -32601, message: "Method not found" },
      id: 1,
    });
  });

  it("answers a request whose id is null, and returns each kind of id unchanged", async () => {
    for (const id of ["null", '"x"', "1.5", "-7", '""', "0"]) {
      const answer = await answerTo(`{"jsonrpc":"2.0","method":"get_data","id":${id}}`);
      expect(answer).toEqual({ jsonrpc: "2.0", result: ["hello", 5], id: JSON.parse(id) });
    }
  });

  it("never answers a notification, whatever is wrong with it", async () => {
    const fail: Perform = () => Promise.reject(new TypeError("no"));
    expect(await answerTo('{"method":"sum"}', fail)).toBeNull();
    expect(await answerTo('[{"method":"sum"},{"method":"nothing"}]', fail)).toBeNull();
  });

  it("answers an invalid request with its id", async () => {
    expect(await answerTo('{"method":5,"id":"mine"}')).toMatchObject({ id: "mine" });
    expect(await answerTo('{"method":"m","authorization":5,"id":4}')).toMatchObject({
      error: { code: -32600 },
      id: 4,
    });
  });

  it("runs the requests of a batch at the same time", async () => {
    let running = 0;
    let most = 0;
    const perform: Perform = async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      return running--;
    };
    await answerTo('[{"method":"a","id":1},{"method":"b","id":2},{"method":"c"}]', perform);
    expect(most).toBe(3);
  });

  it("refuses a batch of more than 1,000 without doing any of it", async () => {
    let calls = 0;
    const count: Perform = async () => ++calls;
    const batch = JSON.stringify(Array(1001).fill({ method: "m", id: 1 }));
    expect(await answerTo(batch, count)).toMatchObject({ error: { code: -32600 }, id: null });
    expect(calls).toBe(0);
  });

  it("refuses nesting and numbers that reading would change, and says so", async () => {
    const deep = `{"method":"m","id":1,"params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    for (const [text, details] of [
      [deep, { place: "params", rule: "maxDepth", bounds: [64] }],
      [
        '{"method":"m","id":9007199254740993}',
        { place: "params", rule: "safeIntegers", bounds: [] },
      ],
      ['{"method":"m","id":1e999}', { place: "params", rule: "doubles", bounds: [] }],
    ] as const) {
      expect(await answerTo(text)).toEqual({
        jsonrpc: "2.0",
        error: {
          code: -32600,
          message: "Invalid Request",
          data: {
            code: "ERR_VAULT_OUT_OF_RANGE",
            details,
            request_id: expect.stringMatching(/^[0-9a-f]{16}$/),
          },
        },
        id: null,
      });
    }
  });

  it("takes no member from a polluted prototype", async () => {
    Object.defineProperty(Object.prototype, "method", { value: "sum", configurable: true });
    try {
      expect(await answerTo('{"id":1,"params":[1]}')).toMatchObject({ error: { code: -32600 } });
    } finally {
      Reflect.deleteProperty(Object.prototype, "method");
    }
  });

  it("reveals only an error's entry in the table", async () => {
    const canary = "canary-4711";
    for (const error of [new Error(canary), new TypeError(`${canary}\n at x`), canary, null]) {
      const answer = errorResponse(error, 1);
      expect(answer).not.toContain(canary);
      expect(answer).not.toContain("stack");
    }
  });
});
