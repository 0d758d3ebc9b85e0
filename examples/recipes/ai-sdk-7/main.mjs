// An agent of AI SDK 7 whose model sees handles, and whose tools see values. The model here is a script.
import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { HandleVault } from "handlevault";
import { guardTools } from "handlevault/ai-sdk";
import { AgentPolicy } from "handlevault/mcp";
import { z } from "zod";

const lookup = { seal: [{ at: "/card", safeView: { fixed: "a card" }, grant: ["shop/charge"] }] };
const charge = { seal: "none", hydrate: [{ at: "/card" }] };
const policy = new AgentPolicy({ servers: { shop: { tools: { lookup, charge } } } });
const tools = {
  lookup: tool({ inputSchema: z.object({}), execute: () => ({ card: "4111 1111 1111 1111" }) }),
  charge: tool({
    inputSchema: z.object({ card: z.string() }),
    execute: ({ card }) => `charged the card that ends in ${card.slice(-4)}`,
  }),
};
const options = { vault: new HandleVault(), policy, server: "shop", subjectOf: () => "alice" };
const guarded = await guardTools(tools, options);

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const call = (toolName, input) => ({
  content: [{ type: "tool-call", toolCallId: toolName, toolName, input: JSON.stringify(input) }],
  finishReason: { unified: "tool-calls" },
  usage,
  warnings: [],
});
let seen;
const model = new MockLanguageModelV4({
  async doGenerate({ prompt }) {
    const results = prompt.filter(({ role }) => role === "tool").flatMap(({ content }) => content);
    if (results.length === 0) return call("lookup", {});
    if (results.length === 2) {
      const content = [{ type: "text", text: results[1].output.value }];
      return { content, finishReason: { unified: "stop" }, usage, warnings: [] };
    }
    seen = results[0].output.value.card;
    return call("charge", { card: seen.handle_id });
  },
});
const { text } = await generateText({
  model,
  tools: guarded,
  prompt: "Buy it.",
  stopWhen: stepCountIs(5),
});
console.log("the model saw:", seen.safe_view);
console.log("the tool:", text);
