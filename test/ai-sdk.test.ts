import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { guardTools } from "../src/ai-sdk.js";
import { HandleVault } from "../src/index.js";
import { AgentPolicy, toolPrincipal } from "../src/mcp.js";
import {
  CARD,
  describeAgentStack,
  HANDLE,
  type PlainTool,
  shopOptions,
  shopTools,
} from "./support/agent-stack-laws.js";

/** The options that the SDK passes to a tool; `context` is new in AI SDK 7. */
const CALL = { toolCallId: "1", messages: [], context: {} };

function asAiTools(tools: readonly PlainTool[]) {
  return Object.fromEntries(
    tools.map(({ name, description, schema, run }) => [
      name,
      tool({ description, inputSchema: schema, execute: async (args) => run(args) }),
    ]),
  );
}

describeAgentStack("the AI SDK", async (tools, options) => {
  const wrapped = await guardTools(asAiTools(tools), options);
  return {
    names: Object.keys(wrapped),
    async introductionOf(name) {
      const { description, inputSchema } = wrapped[name] ?? {};
      const { jsonSchema } = inputSchema as unknown as { jsonSchema: unknown };
      return JSON.stringify([description, jsonSchema]);
    },
    async call(name, args) {
      const output = await wrapped[name]?.execute?.(args as never, CALL);
      return typeof output === "string" ? output : JSON.stringify(output);
    },
  };
});

/** A scripted model: a function chooses its next step from all that it has read. */
function scripted(steps: readonly ((prompt: string) => object)[], prompts: string[]) {
  return new MockLanguageModelV3({
    doGenerate: async ({ prompt, tools }) => {
      const text = JSON.stringify(prompt);
      const step = steps[prompts.length];
      prompts.push(JSON.stringify([prompt, tools]));
      const content = step === undefined ? { type: "text", text: "done" } : step(text);
      return {
        content: [content],
        finishReason: { unified: step === undefined ? "stop" : "tool-calls", raw: undefined },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 1, text: 1, reasoning: 0 },
        },
        warnings: [],
      } as never;
    },
  });
}

function toolCall(toolName: string, input: object) {
  return { type: "tool-call", toolCallId: toolName, toolName, input: JSON.stringify(input) };
}

describe("an agent of the AI SDK", () => {
  it("charges a card that its model never sees, and continues after a refusal", async () => {
    const seen: unknown[] = [];
    const prompts: string[] = [];
    const handleIn = (prompt: string) => HANDLE.exec(prompt)?.[0];
    const model = scripted(
      [
        () => toolCall("find_card", { person: "Ada" }),
        (prompt) => toolCall("gossip", { card: handleIn(prompt) }),
        (prompt) => toolCall("fail", { card: handleIn(prompt) }),
        (prompt) => toolCall("charge", { card: handleIn(prompt) }),
      ],
      prompts,
    );
    const tools = await guardTools(asAiTools(shopTools(seen)), shopOptions());
    const { text } = await generateText({
      model,
      tools,
      prompt: "Charge Ada's card.",
      stopWhen: stepCountIs(10),
    });
    expect(text).toBe("done");
    expect(seen).toEqual([{ card: CARD }]);
    expect(prompts).toHaveLength(5);
    expect(prompts.join()).not.toContain(CARD);
    expect(prompts.at(-1)).toContain("Not executed: a handle");
    expect(prompts.at(-1)).toMatch(/card hdl_[0-9a-f]{32} was declined/);
  });
});

describe("a tool of the AI SDK that needs approval by its input", () => {
  const policy = new AgentPolicy({
    servers: {
      desk: { tools: { pay: { seal: "none", hydrate: [{ at: "/amount" }, { at: "/to" }] } } },
    },
  });

  async function desk() {
    const vault = new HandleVault();
    const { id } = await vault.seal(50_000, {
      ownerPrincipal: "owner",
      grantedPrincipals: [toolPrincipal({ server: "desk", tool: "pay" }, "alice")],
      safeView: "an amount",
    });
    const asked: unknown[] = [];
    const paid: unknown[] = [];
    const pay = tool({
      description: "Pays.",
      inputSchema: z.object({ amount: z.coerce.number(), to: z.string().default("Ada") }),
      needsApproval: async (input) => {
        asked.push(input);
        return input.amount > 1000;
      },
      execute: async (input) => void paid.push(input),
    });
    const tools = await guardTools(
      { pay },
      { vault, policy, server: "desk", subjectOf: () => "alice" },
    );
    const run = async (input: object) => {
      const model = scripted([() => toolCall("pay", input)], []);
      const { content } = await generateText({
        model,
        tools,
        prompt: "Pay.",
        stopWhen: stepCountIs(2),
      });
      return content.map(({ type }) => type);
    };
    return { id, asked, paid, run };
  }

  it("never runs for a handle without approval, and its approval function never sees one", async () => {
    const { id, asked, paid, run } = await desk();
    for (const amount of [id, { handle_id: id }, `${id}#`, id.toUpperCase(), `"${id}"`]) {
      expect(await run({ amount, to: "x" })).toContain("tool-approval-request");
    }
    expect(await run({ amount: 1, to: [{ [id]: 1 }] })).toContain("tool-approval-request");
    expect([asked, paid]).toEqual([[], []]);
  });

  it("calls its approval function with the parsed input where there is no handle", async () => {
    const { asked, paid, run } = await desk();
    expect(await run({ amount: "50000" })).toContain("tool-approval-request");
    expect(await run({ amount: {} })).toContain("tool-approval-request");
    await run({ amount: "5" });
    expect(asked).toEqual([
      { amount: 50_000, to: "Ada" },
      { amount: 5, to: "Ada" },
    ]);
    expect(paid).toEqual([{ amount: 5, to: "Ada" }]);
  });
});

describe("a tool of the AI SDK", () => {
  const inputSchema = z.object({});
  const wrap = (given: object) => guardTools({ one: given as never }, shopOptions());

  it("returns only the last of the results that it yields, sealed", async () => {
    async function* execute() {
      yield CARD;
      yield `${CARD} at last`;
    }
    const vault = new HandleVault();
    const options = shopOptions({ vault });
    const { one } = await guardTools({ one: tool({ inputSchema, execute }) }, options);
    const text = String(await one.execute?.({}, CALL));
    const [id = ""] = HANDLE.exec(text) ?? [];
    expect(text).not.toContain(CARD);
    expect(await vault.unseal(id, "mcp-server:shop#alice")).toBe(`${CARD} at last`);
  });

  it("loses the members that are written for values, and keeps all others", async () => {
    const toModelOutput = () => ({ type: "text", value: CARD });
    const made = { toModelOutput, outputSchema: inputSchema, strict: true };
    const { one } = await wrap({ inputSchema, execute: () => CARD, title: "One", ...made });
    expect(Object.keys(one as object).toSorted()).toEqual([
      "description",
      "execute",
      "inputSchema",
      "title",
    ]);
  });

  it("keeps a description that is a function, and adds the sentence about handles to its text", async () => {
    const description = ({ context }: { context: string }) => `Pays in ${context}.`;
    const execute = async () => CARD;
    const input = z.object({ card: z.string() });
    const options = shopOptions();
    const { charge: fixed } = await guardTools(
      { charge: { description: "Pays in Paris.", inputSchema: input, execute } },
      options,
    );
    const { charge } = await guardTools(
      { charge: { description, inputSchema: input, execute } },
      options,
    );
    expect(charge.description({ context: "Paris" })).toBe(fixed.description);
    expect(fixed.description).toMatch(/^Pays in Paris\. .*handle/);
  });

  it("is not wrapped if it has no execute", async () => {
    await expect(wrap({ inputSchema })).rejects.toThrow("the tool one has no execute to wrap");
  });
});
