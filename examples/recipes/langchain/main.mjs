// Tools of LangChain.js under a policy. The calls are those that a model makes through an agent.
import { tool } from "@langchain/core/tools";
import { HandleVault } from "handlevault";
import { guardTools } from "handlevault/langchain";
import { AgentPolicy } from "handlevault/mcp";
import { z } from "zod";

const lookup = tool(async () => ({ account: "DE89 3704 0044 0532 0130 00" }), {
  name: "lookup",
  description: "Finds the account of a customer.",
  schema: z.object({}),
});
const transfer = tool(async ({ account }) => `sent to ${account.slice(0, 4)}…`, {
  name: "transfer",
  description: "Sends money to an account.",
  schema: z.object({ account: z.string().min(15) }),
});
const rules = {
  lookup: {
    seal: [{ at: "/account", safeView: { fixed: "an account" }, grant: ["bank/transfer"] }],
  },
  transfer: { seal: "none", hydrate: [{ at: "/account" }] },
};
const policy = new AgentPolicy({ servers: { bank: { tools: rules } } });
const options = { vault: new HandleVault(), policy, server: "bank", subjectOf: () => "alice" };
const [find, send] = await guardTools([lookup, transfer], options);

const { account } = await find.invoke({});
console.log("the model sees:", account.safe_view);
console.log("the tool:", await send.invoke({ account: account.handle_id }));
const invented = await send
  .invoke({ account: "hdl_00000000000000000000000000000000" })
  .catch(String);
console.log("an invented handle:", invented.includes("Not executed"));
