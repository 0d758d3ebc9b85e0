/** The laws for every adapter of an agent framework, checked on tools in the framework's own form. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { GuardOptions } from "../../src/ai-sdk.js";
import { HandleVault, type Vault } from "../../src/index.js";
import { AgentPolicy, type ToolPolicy, toolPrincipal } from "../../src/mcp.js";
import { describeInjectionDrills } from "../../src/testing.js";
import { stackHarness } from "./agent-stack-drills.js";

export const CARD = "4929 7713 0042 1186";
export const HANDLE = /hdl_[0-9a-f]{32}/;

/** A tool that does not belong to a framework yet. */
export interface PlainTool {
  readonly name: string;
  readonly description: string;
  readonly schema: z.ZodObject;
  readonly run: (args: Record<string, unknown>) => unknown;
}

/** Wrapped tools in the form in which an agent of the framework uses them. */
interface WrappedTools {
  readonly names: readonly string[];
  /** Returns the description and schema of a tool that a model reads. */
  introductionOf(name: string): Promise<string>;
  /** Returns a result as the text that a model reads; rejects with the text of a failure. */
  call(name: string, args: Record<string, unknown>): Promise<string>;
}

/** A framework whose adapter wraps tools. */
export type AgentStack = (
  tools: readonly PlainTool[],
  options: GuardOptions,
) => Promise<WrappedTools>;

const card = z.object({ card: z.string().regex(/^[\d ]{19}$/) });
const anything = z.object({ card: z.unknown(), note: z.string().optional() });

/**
 * Tools of a shop: one finds a card number, one may charge it, one must not receive it, and one fails with it
 * in the error.
 */
export function shopTools(seen: unknown[] = []): readonly PlainTool[] {
  const note = (args: unknown) => void seen.push(args);
  return [
    tool("find_card", z.object({ person: z.string() }), ({ person }) => ({ person, card: CARD })),
    tool("find_text", z.object({}), () => JSON.stringify({ card: CARD })),
    tool("charge", card, (args) => {
      note(args);
      return { charged: args["card"], amount: 12 };
    }),
    tool("gossip", anything, (args) => {
      note(args);
      return { heard: args };
    }),
    tool("fail", card, (args) => {
      throw new Error(`card ${args["card"]} was declined`);
    }),
    tool("nothing", z.object({}), () => undefined),
    tool("odd", z.object({}), () => {
      throw CARD;
    }),
    tool("weather", z.object({}), () => `rain, and ${CARD}`),
    tool("forbidden", z.object({}), () => CARD),
  ];
}

function tool(name: string, schema: z.ZodObject, run: PlainTool["run"]): PlainTool {
  return { name, description: `Does ${name}.`, schema, run };
}

const hydrate = [{ at: "/card" }];
const TOOLS: Readonly<Record<string, ToolPolicy>> = {
  find_card: {
    seal: [{ at: "/card", safeView: { fixed: "a card" }, grant: ["shop/charge", "shop/fail"] }],
  },
  find_text: { seal: [{ at: "/card", grant: ["shop/charge"] }] },
  charge: { seal: "none", hydrate },
  gossip: { seal: "none", hydrate, errors: "pass" },
  nothing: { seal: "none" },
  odd: { errors: "pass", seal: "none" },
  fail: { seal: "none", hydrate, errors: "pass" },
};

/** Returns the options for wrapping the shop's tools. */
export function shopOptions(changes: Partial<GuardOptions> = {}): GuardOptions {
  const policy = new AgentPolicy({ servers: { shop: { tools: TOOLS } } });
  return { vault: new HandleVault(), policy, server: "shop", subjectOf: () => "alice", ...changes };
}

async function shop(stack: AgentStack, changes: Partial<GuardOptions> = {}) {
  const seen: unknown[] = [];
  const tools = await stack(shopTools(seen), shopOptions(changes));
  const find = async () => {
    const [id = ""] = HANDLE.exec(await tools.call("find_card", { person: "Ada" })) ?? [];
    return id;
  };
  return { tools, seen, find };
}

/** Declares the laws for one framework. */
export function describeAgentStack(name: string, stack: AgentStack): void {
  describeInjectionDrills(`tools of ${name}`, stackHarness(stack), { describe, it });

  describe(`tools of ${name}`, () => {
    it("return handles where the policy seals, and the rest unchanged", async () => {
      const { tools } = await shop(stack);
      const found = JSON.parse(await tools.call("find_card", { person: "Ada" }));
      expect(found).toEqual({
        person: "Ada",
        card: {
          handle_id: expect.stringMatching(HANDLE),
          safe_view: "a card",
          expires_at: expect.stringMatching(/Z$/),
        },
      });
    });

    it("explain invalid arguments, unless the message would contain a value", async () => {
      const { tools, seen, find } = await shop(stack);
      const misfit = tools.call("charge", { card: "4929" }).catch(String);
      expect(await misfit).toMatch(/Not executed: the arguments do not fit[\s\S]*card/);
      const [id] = [await find()];
      const wrong = await tools.call("charge", { card: { handle_id: `${id}#/0` } }).catch(String);
      expect(wrong).toMatch(/Not executed/);
      expect(wrong).not.toContain(CARD);
      expect(seen).toEqual([]);
    });

    it.each([
      "isError",
      "content",
      "structuredContent",
      "text",
      "handle_id",
      "safe_view",
      "expires_at",
      "annotations",
    ])("return their result unchanged if a value was the word %s", async (word) => {
      const vault = new HandleVault();
      const { tools } = await shop(stack, { vault });
      const { id } = await vault.seal(word, {
        ownerPrincipal: "owner",
        grantedPrincipals: [toolPrincipal({ server: "shop", tool: "gossip" }, "alice")],
        safeView: "a word",
        leakGuard: "off",
      });
      const heard = JSON.parse(await tools.call("gossip", { card: id, note: "as it is" }));
      const shown = word.length < 6 ? word : id;
      expect(heard).toEqual({ heard: { card: shown, note: "as it is" } });
    });

    it("report to the operator, but not to the model, why an output is withheld", async () => {
      const leaking = { find_card: { seal: [{ at: "/card", safeView: () => CARD }] } };
      const warnings: string[] = [];
      const { tools } = await shop(stack, {
        policy: new AgentPolicy({ servers: { shop: { tools: leaking } } }),
        onWarning: (text) => void warnings.push(text),
      });
      const told = await tools.call("find_card", { person: "Ada" }).catch(String);
      expect(told).toMatch(/Executed, but the output is withheld/);
      expect(warnings).toEqual([
        expect.stringMatching(/^The output of shop\/find_card .*ERR_VAULT_/),
      ]);
      expect(String([told, ...warnings])).not.toContain(CARD);
    });

    it("return texts that are JSON with handles in them", async () => {
      const { tools } = await shop(stack);
      const found = JSON.parse(await tools.call("find_text", {}));
      expect(found.card.handle_id).toMatch(HANDLE);
    });

    it("return one handle where no rule names them", async () => {
      const { tools } = await shop(stack);
      const text = await tools.call("weather", {});
      expect(text).toMatch(HANDLE);
      expect(text).not.toContain(CARD);
    });

    it("receive the value of a handle that was granted to them, and return the handle", async () => {
      const { tools, seen, find } = await shop(stack);
      const id = await find();
      const text = await tools.call("charge", { card: id });
      expect(seen).toEqual([{ card: CARD }]);
      expect(JSON.parse(text)).toEqual({ charged: id, amount: 12 });
    });

    it("check values, not handles, against their own schema", async () => {
      const { tools, seen } = await shop(stack);
      await expect(tools.call("charge", { card: "no card" })).rejects.toThrow();
      expect(seen).toEqual([]);
    });

    it("do not run with a handle that was not granted to them", async () => {
      const { tools, seen, find } = await shop(stack);
      const id = await find();
      await expect(tools.call("gossip", { card: id })).rejects.toThrow(/^Not executed: a handle/);
      expect(seen).toEqual([]);
    });

    it("receive a handle as text where the policy opens none", async () => {
      const { tools, seen, find } = await shop(stack);
      const id = await find();
      await tools.call("gossip", { card: "none", note: id });
      expect(seen).toEqual([{ card: "none", note: id }]);
    });

    it("do not run with a handle of another subject", async () => {
      const vault = new HandleVault();
      const alice = await shop(stack, { vault });
      const bob = await shop(stack, { vault, subjectOf: () => "bob" });
      const call = bob.tools.call("charge", { card: await alice.find() });
      await expect(call).rejects.toThrow(/^Not executed: a handle/);
      expect(bob.seen).toEqual([]);
    });

    it.each([
      ["returns no text", () => ""],
      ["throws", () => Promise.reject(new Error(`no session for ${CARD}`))],
    ])("do not run if subjectOf %s, and the model learns no reason", async (_, subjectOf) => {
      const { tools, seen } = await shop(stack, { subjectOf });
      const call = tools.call("charge", { card: "none" });
      await expect(call).rejects.toThrow(/^Not executed: /);
      await expect(call).rejects.not.toThrow(CARD);
      expect(seen).toEqual([]);
    });

    it("replace the value by the handle in an error", async () => {
      const { tools, find } = await shop(stack);
      const id = await find();
      await expect(tools.call("fail", { card: id })).rejects.toThrow(`card ${id} was declined`);
    });

    it("reveal nothing of a thrown value that is not an error", async () => {
      const { tools } = await shop(stack);
      await expect(tools.call("odd", {})).rejects.toThrow(/^The tool failed\.$/);
    });

    it("may return nothing", async () => {
      const { tools } = await shop(stack);
      expect(await tools.call("nothing", {})).toBe("null");
    });

    it("do not run while the vault is unavailable", async () => {
      const down = new Proxy(new HandleVault(), {
        get: () => () => Promise.reject(new Error(CARD)),
      }) as Vault;
      const { tools } = await shop(stack, { vault: down });
      await expect(tools.call("weather", {})).rejects.toThrow(/^Not executed: the vault/);
    });

    it("are described with the places that accept handles, and with their own description", async () => {
      const { tools } = await shop(stack);
      const introduction = await tools.introductionOf("charge");
      expect(introduction).toContain("Does charge.");
      expect(introduction).toContain("pass the handle_id of an earlier result");
      expect(introduction).toContain('"anyOf"');
    });

    it("are omitted if the policy refuses them, and unchanged if it passes them", async () => {
      const servers = { shop: { tools: TOOLS } };
      const refusing = new AgentPolicy({ defaults: { unlisted: "refuse" }, servers });
      const refused = await shop(stack, { policy: refusing });
      expect(new Set(refused.tools.names)).toEqual(new Set(Object.keys(TOOLS)));
      const passing = new AgentPolicy({ defaults: { unlisted: "pass" }, servers });
      const passed = await shop(stack, { policy: passing });
      expect(await passed.tools.call("weather", {})).toContain(CARD);
    });

    it("are refused when the policy opens handles where they have no argument", async () => {
      const rules = { weather: { hydrate: [{ at: "/place" }] } };
      const policy = new AgentPolicy({ servers: { shop: { tools: rules } } });
      await expect(shop(stack, { policy })).rejects.toThrow(
        /weather is refused: \/place cannot be/,
      );
    });

    it.each([
      ["an unknown option", { principal: "gateway" }],
      ["a subject that is no function", { subjectOf: "alice" }],
      ["a policy that is none", { policy: {} }],
    ])("are not wrapped with %s", async (_, changes) => {
      await expect(shop(stack, changes as never)).rejects.toThrow(/option|subject|policy/);
    });
  });
}
