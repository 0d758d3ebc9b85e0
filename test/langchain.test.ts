import { HumanMessage } from "@langchain/core/messages";
import { DynamicTool, type StructuredToolInterface, tool } from "@langchain/core/tools";
import { BaseTracer } from "@langchain/core/tracers/base";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HandleVault } from "../src/index.js";
import { guardTools, mentionsHandle } from "../src/langchain.js";
import { AgentPolicy } from "../src/mcp.js";
import {
  CARD,
  describeAgentStack,
  HANDLE,
  type PlainTool,
  shopOptions,
  shopTools,
} from "./support/agent-stack-laws.js";

function asLangChainTools(tools: readonly PlainTool[]): StructuredToolInterface[] {
  return tools.map(({ name, description, schema, run }) =>
    tool(
      async (args) => {
        const output = await run(args as Record<string, unknown>);
        return typeof output === "string" ? output : JSON.stringify(output);
      },
      { name, description, schema },
    ),
  ) as StructuredToolInterface[];
}

describeAgentStack("LangChain", async (tools, options) => {
  const wrapped = await guardTools(asLangChainTools(tools), options);
  const find = (name: string) => wrapped.find((one) => one.name === name);
  return {
    names: wrapped.map(({ name }) => name),
    introductionOf: async (name) => JSON.stringify([find(name)?.description, find(name)?.schema]),
    call: async (name, args) => String(await find(name)?.invoke(args)),
  };
});

/** Records all inputs, outputs and errors of runs. */
class Recorder extends BaseTracer {
  readonly name = "recorder";
  readonly runs: string[] = [];

  protected async persistRun(run: object): Promise<void> {
    const { inputs, outputs, error } = run as Record<string, unknown>;
    this.runs.push(JSON.stringify({ inputs, outputs, error }));
  }
}

describe("an approval before a tool of LangChain is called", () => {
  it("sees the handle and no value, and can recognise a handle in every spelling", async () => {
    const seen: unknown[] = [];
    const tools = await guardTools(asLangChainTools(shopTools(seen)), shopOptions());
    const find = (name: string) => tools.find((one) => one.name === name);
    const [id = ""] = HANDLE.exec(String(await find("find_card")?.invoke({ person: "Ada" }))) ?? [];
    const asked: string[] = [];
    /**
     * Decides as the middleware of LangChain does: from the model's call, not from the tool's
     * arguments.
     */
    const approved = async (args: Record<string, unknown>) => {
      if (mentionsHandle(args)) asked.push(JSON.stringify(args));
      return find("charge")?.invoke(args);
    };
    for (const card of [id, `"${id}"`, `{{${id}}}`, id.toUpperCase(), { handle_id: id }]) {
      await approved({ card });
    }
    await approved({ card: CARD }).catch(() => undefined);
    expect(asked).toHaveLength(5);
    expect(asked.join()).not.toContain(CARD);
    expect(seen).toEqual(new Array(6).fill({ card: CARD }));
  });
});

describe("an agent of LangChain", () => {
  /** A plain loop: each response of the model names a tool and its arguments, or ends the loop. */
  async function runAgent(tools: readonly StructuredToolInterface[], script: readonly string[]) {
    const model = new FakeListChatModel({ responses: [...script] });
    const messages: unknown[] = [new HumanMessage("Charge Ada's card.")];
    const recorder = new Recorder();
    for (const _ of script) {
      const { text } = await model.invoke(messages as never);
      const [, name, args] = /^(\w+) (\{.*\})$/.exec(text) ?? [];
      if (name === undefined) return { text, messages, recorder };
      const [id = ""] = HANDLE.exec(JSON.stringify(messages)) ?? [];
      const call = {
        type: "tool_call" as const,
        id: name,
        name,
        args: JSON.parse(String(args).replace("HANDLE", id)),
      };
      const called = tools
        .find((one) => one.name === name)
        ?.invoke(call, { callbacks: [recorder] });
      messages.push(await called?.catch((error: Error) => error.message));
    }
    throw new Error("the script has no end");
  }

  it("charges a card that neither its model nor a tracer ever sees", async () => {
    const seen: unknown[] = [];
    const tools = await guardTools(asLangChainTools(shopTools(seen)), shopOptions());
    const { text, messages, recorder } = await runAgent(tools, [
      'find_card {"person":"Ada"}',
      'gossip {"card":"HANDLE"}',
      'fail {"card":"HANDLE"}',
      'charge {"card":"HANDLE"}',
      "done",
    ]);
    expect(text).toBe("done");
    expect(seen).toEqual([{ card: CARD }]);
    const told = JSON.stringify(messages);
    expect(told).not.toContain(CARD);
    expect(told).toContain("Not executed: a handle");
    expect(recorder.runs).toHaveLength(4);
    expect(recorder.runs.join()).not.toContain(CARD);
  });
});

describe("a tool of LangChain", () => {
  const schema = z.object({});
  const unwrapped = { name: "one", description: "One.", schema };
  const wrapOne = async (given: object, vault = new HandleVault()) => {
    const [one] = await guardTools([given as StructuredToolInterface], shopOptions({ vault }));
    return one as StructuredToolInterface;
  };

  it("returns its content without the artifact", async () => {
    const give = async () => ["a word", { card: CARD }] as [string, object];
    const one = await wrapOne(tool(give, { ...unwrapped, responseFormat: "content_and_artifact" }));
    const message = await one.invoke({ type: "tool_call", id: "1", name: "one", args: {} });
    expect(JSON.stringify(message)).not.toContain(CARD);
    expect(JSON.stringify(message)).toMatch(HANDLE);
  });

  it("returns only its final result, sealed, if it reports progress", async () => {
    const vault = new HandleVault();
    async function* give() {
      yield CARD;
      return `${CARD} at last`;
    }
    const one = await wrapOne(tool(give as never, unwrapped), vault);
    const [id = ""] = HANDLE.exec(String(await one.invoke({}))) ?? [];
    expect(await vault.unseal(id, "mcp-server:shop#alice")).toBe(`${CARD} at last`);
  });

  it("returns data that is not a text as data", async () => {
    const data = { n: 1, of: [{ type: "text", text: "a" }] };
    const policy = new AgentPolicy({ servers: { shop: { tools: { one: { seal: "none" } } } } });
    const [one] = await guardTools([tool(async () => data, unwrapped)], shopOptions({ policy }));
    expect(await one?.invoke({})).toEqual(data);
  });

  it("may accept a text, or be described in JSON Schema", async () => {
    const give = async () => CARD;
    const texts = await wrapOne(new DynamicTool({ ...unwrapped, func: give }));
    expect(String(await texts.invoke({ input: "x" }))).toMatch(HANDLE);
    const json = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
    const numbers = await wrapOne(tool(give, { ...unwrapped, schema: json } as never));
    expect(String(await numbers.invoke({ n: 1 }))).toMatch(HANDLE);
    await expect(numbers.invoke({})).rejects.toThrow();
  });

  it("is refused if it is not a LangChain tool", async () => {
    await expect(wrapOne({ ...unwrapped, invoke: give })).rejects.toThrow("has no _call to wrap");
  });
});

async function give() {
  return CARD;
}

describe("a wrapped tool of LangChain", () => {
  const policy = new AgentPolicy({
    servers: {
      desk: {
        tools: { book: { seal: "none", hydrate: [{ at: "/day" }] }, look: { seal: "none" } },
      },
    },
  });
  const guarded = async (tools: readonly StructuredToolInterface[]) =>
    guardTools(tools, {
      vault: new HandleVault(),
      policy,
      server: "desk",
      subjectOf: () => "alice",
    });

  it("accepts the tool's own input: defaults, conversions and other members", async () => {
    const schema = z.object({ day: z.coerce.string(), seats: z.coerce.number().default(2) });
    const seen: unknown[] = [];
    const book = tool(async (args) => `booked ${seen.push(args)}`, {
      name: "book",
      description: "Books.",
      schema,
    });
    const [wrapped] = await guarded([book as StructuredToolInterface]);
    for (const args of [{ day: "2026-12-01" }, { day: "2026-12-01", seats: "3", more: true }]) {
      await book.invoke(args as never);
      expect(await wrapped?.invoke(args as never)).toMatch(/^booked/);
    }
    const [plain, wrappedOne, more, wrappedMore] = seen;
    expect([wrappedOne, wrappedMore]).toEqual([plain, more]);
    expect(seen).toHaveLength(4);
  });

  it("accepts a plain text if the tool does", async () => {
    const look = new DynamicTool({
      name: "look",
      description: "Looks.",
      func: async (text) => `saw ${text}`,
    });
    const [wrapped] = await guarded([look as unknown as StructuredToolInterface]);
    expect(await look.invoke("a text")).toBe("saw a text");
    expect(await wrapped?.invoke("a text" as never)).toBe("saw a text");
    expect(await wrapped?.invoke({ input: "a text" } as never)).toBe("saw a text");
  });
});
