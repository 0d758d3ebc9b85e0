import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CacheBackend, HandleVault, memoryCache } from "../../../src/index.js";
import {
  AgentPolicy,
  type HandleForm,
  HandleReuse,
  sealToolOutput,
  serverPrincipal,
  type ToolPolicy,
  toolPrincipal,
} from "../../../src/mcp.js";
import { overriding } from "../../support/failing-cache.js";
import { vaultWithClock } from "../../support/vault.js";
import { GRANTED, lookupScope, SUBJECT } from "../support/scope.js";

const RECORD = { name: "Ada Lovelace", ssn: "123-45-6789", visits: [{ on: "2026-01-02" }] };
const OWNER = serverPrincipal("records", SUBJECT);

function structured(value: unknown) {
  return {
    content: [{ type: "text", text: JSON.stringify(value) }],
    structuredContent: value,
  };
}

function asText(value: unknown) {
  return { content: [{ type: "text", text: JSON.stringify(value) }] };
}

async function sealed(rules: ToolPolicy, result: Record<string, unknown>) {
  const scope = lookupScope(rules);
  return { scope, result: await sealToolOutput(result, scope) };
}

function handleAt(value: unknown): HandleForm {
  expect(value).toMatchObject({ handle_id: expect.stringMatching(/^hdl_[0-9a-f]{32}$/) });
  return value as HandleForm;
}

describe("a result that is sealed whole", () => {
  const rules: ToolPolicy = {
    seal: [{ at: "", safeView: { fixed: "a patient" }, grant: [GRANTED], maxUses: 2 }],
  };

  it("is a handle, its safe view, and nothing else", async () => {
    const { result } = await sealed(rules, structured(RECORD));
    const form = handleAt(result.structuredContent);
    expect(Object.keys(form)).toEqual(["handle_id", "safe_view", "expires_at"]);
    expect(result.content).toMatchObject([
      { type: "text", text: "a patient" },
      { type: "text", text: JSON.stringify(form) },
    ]);
    expect(result["_meta"]).toEqual({ "handlevault.dev/handles": [form.handle_id] });
  });

  it("opens unchanged, only for the granted tool of the same subject and for its owner", async () => {
    const { scope, result } = await sealed(rules, structured(RECORD));
    const { handle_id } = handleAt(result.structuredContent);
    const tool = { server: "pharmacy", tool: "check" };
    expect(await scope.vault.unseal(handle_id, toolPrincipal(tool, SUBJECT))).toEqual(RECORD);
    expect(await scope.vault.unseal(handle_id, OWNER)).toEqual(RECORD);
    for (const stranger of [
      toolPrincipal(tool, "bob"),
      toolPrincipal({ server: "pharmacy", tool: "checks" }, SUBJECT),
      toolPrincipal({ server: "records", tool: "lookup" }, SUBJECT),
      serverPrincipal("records", "bob"),
      serverPrincipal("pharmacy", SUBJECT),
    ]) {
      await expect(scope.vault.unseal(handle_id, stranger)).rejects.toThrow("may not");
    }
  });

  it.each([
    ["a text", { content: [{ type: "text", text: "plain words" }] }, "plain words"],
    ["JSON in a text", asText(RECORD), RECORD],
    ["a text that is a number", { content: [{ type: "text", text: "12" }] }, "12"],
    [
      "several blocks",
      {
        content: [
          { type: "text", text: "a" },
          { type: "image", data: "AAAA" },
        ],
      },
      [
        { type: "text", text: "a" },
        { type: "image", data: "AAAA" },
      ],
    ],
    ["no content", { content: [] }, []],
    ["content that is none", { content: "words" }, []],
  ])("stands for %s", async (_, given, payload) => {
    const { scope, result } = await sealed(rules, given);
    const form = JSON.parse(String(result.content[1]?.["text"]));
    expect(result.structuredContent).toBeUndefined();
    expect(await scope.vault.unseal(form.handle_id, OWNER)).toEqual(payload);
  });

  it("keeps content that accompanies structured content in a separate handle for the owner", async () => {
    const image = { type: "image", data: "c2VjcmV0", mimeType: "image/png" };
    const given = { ...structured(RECORD), content: [{ type: "text", text: "words" }, image] };
    const { scope, result } = await sealed(rules, given);
    const beside = JSON.parse(String(result.content[2]?.["text"]));
    expect(await scope.vault.unseal(beside.handle_id, OWNER)).toEqual([image]);
    const { grantedPrincipals } = await scope.vault.describe(beside.handle_id, OWNER);
    expect(grantedPrincipals).toEqual([]);
  });
});

describe("a result in which places are sealed", () => {
  it("has a handle at each place, and all texts are generated again", async () => {
    const rules: ToolPolicy = { seal: [{ at: "/ssn" }, { at: "/visits/*/on", grant: [GRANTED] }] };
    const given = { ...structured(RECORD), content: [{ type: "text", text: "Ada, 123-45-6789" }] };
    const { scope, result } = await sealed(rules, given);
    const shown = result.structuredContent as typeof RECORD;
    expect(shown.name).toBe("Ada Lovelace");
    expect(await scope.vault.unseal(handleAt(shown.ssn).handle_id, OWNER)).toBe("123-45-6789");
    expect(await scope.vault.unseal(handleAt(shown.visits[0]?.on).handle_id, OWNER)).toBe(
      "2026-01-02",
    );
    expect(result.content).toMatchObject([{ type: "text", text: JSON.stringify(shown) }]);
    expect(JSON.stringify(result)).not.toContain("123-45-6789");
  });

  it("may be a text that is JSON, and stays a text", async () => {
    const { result } = await sealed({ seal: [{ at: "/ssn" }] }, asText(RECORD));
    expect(result.structuredContent).toBeUndefined();
    handleAt(JSON.parse(String(result.content[0]?.["text"])).ssn);
  });

  it.each<[string, unknown]>([
    ["/social", RECORD],
    ["/visits/*/date", RECORD],
    ["/visits/0/on", { visits: { first: 1 } }],
    ["/visits/*", { visits: "2026-01-02" }],
    ["/visits/*", { visits: null }],
    ["/visits/*/on", { visits: [{ on: "x" }, { date: "2026-01-02" }] }],
    ["/visits/length", RECORD],
    ["/ssn", [RECORD]],
    ["/ssn", { result: [RECORD] }],
    ["/constructor", RECORD],
    ["/__proto__", RECORD],
  ])("is sealed whole where a place is missing: %s of %j", async (at, value) => {
    const { result } = await sealed({ seal: [{ at }] }, structured(value));
    handleAt(result.structuredContent);
    expect(JSON.stringify(result)).not.toContain("2026-01-02");
  });

  it("may lack an optional place, but may not hide it under another shape", async () => {
    const rules: ToolPolicy = { seal: [{ at: "/a/*/b", optional: true }] };
    for (const value of [{ c: 1 }, { a: null }, { a: [] }, { a: [{}] }, { a: [null] }]) {
      expect((await sealed(rules, structured(value))).result.structuredContent).toEqual(value);
    }
    for (const value of [{ a: "x" }, { a: ["x"] }, { a: [{ b: 1 }, 5] }, [{ a: [{ b: 1 }] }]]) {
      handleAt((await sealed(rules, structured(value))).result.structuredContent);
    }
  });

  it.each(["/ssn", "/*/ssn", "/0/ssn", "/*/*", "/0/text"])(
    "is sealed whole if it is texts and not data, even if %s is optional",
    async (at) => {
      const text = (ssn: string) => ({ type: "text", text: JSON.stringify({ ssn }) });
      const rules: ToolPolicy = { seal: [{ at, optional: true }] };
      for (const content of [
        [text("123-45-6789"), text("canary")],
        [{ type: "text", text: "canary" }],
      ]) {
        const { result } = await sealed(rules, { content });
        expect(JSON.stringify(result)).not.toMatch(/123-45|canary/);
        expect(JSON.stringify(result)).toContain("hdl_");
      }
    },
  );

  it("is sealed whole if it has more places than the maximum", async () => {
    const value = { items: Array.from({ length: 1001 }, (_, index) => index) };
    const { result } = await sealed({ seal: [{ at: "/items/*" }] }, structured(value));
    handleAt(result.structuredContent);
  });
});

describe("a result in which a detector finds places", () => {
  /** Finds texts that look like social security numbers. */
  function detect(value: unknown): string[] {
    return leavesOf(value)
      .filter(([, leaf]) => /^\d{3}-\d\d-\d{4}$/.test(String(leaf)))
      .map(([path]) => path.map((token) => `/${token}`).join(""));
  }

  it("has a handle at each of them, and stays visible if there are none", async () => {
    const rules: ToolPolicy = { seal: [{ detect, grant: [GRANTED] }] };
    const value = { a: [{ note: "123-45-6789" }], b: "123-45-6789", c: "plain" };
    const { scope, result } = await sealed(rules, structured(value));
    const shown = result.structuredContent as typeof value;
    expect(shown.c).toBe("plain");
    for (const place of [shown.a[0]?.note, shown.b]) {
      const tool = toolPrincipal({ server: "pharmacy", tool: "check" }, SUBJECT);
      expect(await scope.vault.unseal(handleAt(place).handle_id, tool)).toBe("123-45-6789");
    }
    const plain = { c: "plain" };
    expect((await sealed(rules, structured(plain))).result.structuredContent).toEqual(plain);
  });

  it("has one handle for nested places, whichever rule found them", async () => {
    const rules: ToolPolicy = {
      seal: [{ at: "/a/b" }, { detect: () => ["/a", "/a/b", "/a"] }, { detect: () => ["/a/c"] }],
    };
    const { result } = await sealed(rules, structured({ a: { b: 1, c: 2 }, d: 3 }));
    const shown = result.structuredContent as { a: unknown };
    expect(shown).toEqual({ a: handleAt(shown.a), d: 3 });
  });

  it("is sealed whole if the detector finds the whole, whatever is shown", async () => {
    const rules: ToolPolicy = { show: ["/name"], seal: [{ detect: () => [""] }] };
    handleAt((await sealed(rules, structured(RECORD))).result.structuredContent);
  });

  it("has handles within the shown places", async () => {
    const rules: ToolPolicy = { show: ["/visits", "/ssn"], seal: [{ detect }] };
    const { result } = await sealed(rules, structured(RECORD));
    const shown = result.structuredContent as typeof RECORD;
    expect(shown.visits).toEqual(RECORD.visits);
    handleAt(shown.ssn);
  });

  it.each<[string, () => Iterable<string>]>([
    ["points at nothing", () => ["/nothing"]],
    ["finds more than anybody asks for", () => Array(1001).fill("/name")],
  ])("is sealed whole where the detector %s", async (_, finds) => {
    const { result } = await sealed({ seal: [{ detect: finds }] }, structured(RECORD));
    handleAt(result.structuredContent);
  });

  it.each<[string, () => Iterable<string>]>([
    [
      "fails",
      () => {
        throw new Error("Ada");
      },
    ],
    ["returns no pointers", () => ["name"]],
    ["returns nothing", () => undefined as never],
  ])("is withheld where the detector %s", async (_, finds) => {
    const { result } = await sealed({ seal: [{ detect: finds }] }, structured(RECORD));
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result)).not.toContain("Ada");
  });
});

describe("a result of which places are shown", () => {
  const rules: ToolPolicy = {
    show: ["/count"],
    seal: [{ at: "/items/*", grant: [GRANTED] }],
  };

  it("shows these places, the handles of its rules, and one handle for everything", async () => {
    const value = { count: 2, items: ["aspirin", "ibuprofen"], "Ada Lovelace": true };
    const { scope, result } = await sealed(rules, structured(value));
    const { "handlevault.dev/rest": rest, ...shown } = result.structuredContent as {
      "handlevault.dev/rest": HandleForm;
      items: unknown[];
    };
    expect(Object.keys(shown)).toEqual(["count", "items"]);
    expect(shown.items.map((item) => handleAt(item).safe_view)).toEqual([
      "text, 7 characters",
      "text, 9 characters",
    ]);
    expect(await scope.vault.unseal(rest.handle_id, OWNER)).toEqual(value);
    expect(JSON.stringify(result)).not.toMatch(/Ada|aspirin|ibuprofen/);
  });

  it("shows nothing if a place of its rules is missing", async () => {
    const { result } = await sealed(rules, structured({ count: 2, drugs: ["aspirin"] }));
    handleAt(result.structuredContent);
  });

  it("shows nothing of a list, in which the handle for the rest has no place", async () => {
    const { result } = await sealed({ show: ["/*/id"] }, structured([{ id: 1, name: "Ada" }]));
    handleAt(result.structuredContent);
  });

  it("never shows a text to which no pointer leads", async () => {
    const token = fc.constantFrom("a", "b", "c", "0", "1");
    const leaf = fc.string({ minLength: 8, unit: "grapheme-ascii" }).map((text) => `~${text}~`);
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(token, tie("value"), { maxKeys: 3 }),
      ),
    }));
    const pointer = fc
      .array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 3 })
      .map((tokens) => tokens.map((one) => `/${one}`).join(""));
    await fc.assert(
      fc.asyncProperty(value, fc.array(pointer, { maxLength: 3 }), async (given, show) => {
        const { result } = await sealed({ show }, structured(given));
        const text = JSON.stringify(result.structuredContent);
        for (const [path, hidden] of leavesOf(given)) {
          const isShown = show.some((at) => leadsTo(at.split("/").slice(1), path));
          const count = leavesOf(given).filter(([, other]) => other === hidden).length;
          if (!isShown && count === 1) expect(text).not.toContain(JSON.stringify(hidden));
        }
      }),
      { numRuns: 200 },
    );
  });
});

/**
 * An independent implementation of patterns: returns whether a pattern leads to this leaf or to a
 * container of it.
 */
function leadsTo(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.every((token, depth) => depth < path.length && ["*", path[depth]].includes(token));
}

function leavesOf(value: unknown, path: readonly string[] = []): [readonly string[], unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...path, name]));
}

describe("an error that a tool reports", () => {
  const failure = { content: [{ type: "text", text: "no patient Ada Lovelace" }], isError: true };

  it("is sealed for the owner only, whatever the grants of a result", async () => {
    const { scope, result } = await sealed({ seal: [{ at: "", grant: [GRANTED] }] }, failure);
    const form = JSON.parse(String(result.content[1]?.["text"]));
    expect(result.isError).toBe(true);
    expect(await scope.vault.unseal(form.handle_id, OWNER)).toBe("no patient Ada Lovelace");
    const { grantedPrincipals } = await scope.vault.describe(form.handle_id, OWNER);
    expect(grantedPrincipals).toEqual([]);
    expect(JSON.stringify(result)).not.toContain("Ada");
  });

  it("can be replaced by a fixed text", async () => {
    const { result } = await sealed({ errors: "fixed" }, failure);
    expect(result).toEqual({
      content: [{ type: "text", text: expect.stringContaining("reported an error") }],
      isError: true,
    });
  });

  it("is sealed for a tool that seals nothing else, unless its rules pass errors", async () => {
    expect(JSON.stringify((await sealed({ seal: "none" }, failure)).result)).not.toContain("Ada");
    const { result } = await sealed({ seal: "none", errors: "pass" }, failure);
    expect(result).toEqual(failure);
  });
});

describe("output that cannot be sealed", () => {
  const WITHHELD = { content: [{ text: expect.stringContaining("Do not retry") }], isError: true };

  function failing(overrides: Partial<CacheBackend>) {
    return new HandleVault({ cache: overriding(memoryCache(), overrides) });
  }

  it("is withheld, with a fixed text, while the vault is down", async () => {
    const vault = failing({
      insert: () => {
        throw new Error("the disk of Ada Lovelace is full");
      },
    });
    const result = await sealToolOutput(structured(RECORD), lookupScope({}, vault));
    expect(result).toMatchObject(WITHHELD);
    expect(JSON.stringify(result)).not.toMatch(/Ada|123-45/);
  });

  it.each<[string, ToolPolicy]>([
    ["fails", { seal: [{ at: "", safeView: () => Promise.reject(new Error("Ada")) }] }],
    ["is no text", { seal: [{ at: "", safeView: (() => 5) as never }] }],
    ["is too long", { seal: [{ at: "", safeView: () => "x".repeat(4097) }] }],
    [
      "comes from a summarizer that fails",
      { seal: [{ at: "", safeView: { summarizer: { summarize: () => Promise.reject("Ada") } } }] },
    ],
  ])("is withheld when its safe view %s", async (_, rules) => {
    expect((await sealed(rules, structured(RECORD))).result).toMatchObject(WITHHELD);
  });

  it.each([
    ["holds itself", circular()],
    ["holds a big number", { content: [], structuredContent: { big: 10n } }],
    ["fails when it is read", { content: [], structuredContent: { toJSON: throwing } }],
    ["nests without end", { content: [], structuredContent: nested(20_000) }],
  ])("is withheld when it %s", async (_, given) => {
    expect((await sealed({ seal: [{ at: "/a" }] }, given)).result).toMatchObject(WITHHELD);
  });

  it.each<[string, ToolPolicy, Record<string, unknown>, RegExp]>([
    [
      "a leak",
      { seal: [{ at: "", safeView: () => RECORD.ssn }] },
      structured(RECORD),
      /ERR_VAULT_/,
    ],
    [
      "a function that fails",
      { seal: [{ detect: throwing }] },
      structured(RECORD),
      /a function of the/,
    ],
    [
      "a result that is no data",
      { seal: [{ at: "/a" }] },
      circular(),
      /no data that can be sealed/,
    ],
  ])("has its cause reported, %s, without a value", async (_, rules, given, cause) => {
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    expect(await sealToolOutput(given, { ...lookupScope(rules), onWarning })).toMatchObject(
      WITHHELD,
    );
    expect(warnings).toEqual([expect.stringMatching(cause)]);
    expect(warnings[0]).toMatch(/^The output of records\/lookup is withheld: /);
    expect(warnings[0]).not.toMatch(/Ada|123-45/);
  });

  it("is withheld from a tool that the policy refuses", async () => {
    const scope = lookupScope({});
    const other = { ...scope, policy: refusing(), tool: "other" };
    expect(await sealToolOutput(structured(RECORD), other)).toMatchObject(WITHHELD);
  });
});

describe("a caller", () => {
  it.each(["", "a\nb", 5, undefined, "x".repeat(600)])(
    "must name a valid subject: %j",
    async (subject) => {
      const scope = { ...lookupScope({}), subject: subject as string };
      await expect(sealToolOutput(structured(RECORD), scope)).rejects.toThrow("subject");
    },
  );

  it.each(["a#b", "", "a/b", "*"])("must name a valid server: %j", async (server) => {
    const scope = { ...lookupScope({}), server };
    await expect(sealToolOutput(structured(RECORD), scope)).rejects.toThrow(RangeError);
  });
});

describe("equal values", () => {
  async function idsOf(values: readonly unknown[], scope = lookupScope({}), reuse?: HandleReuse) {
    const ids: string[] = [];
    for (const value of values) {
      const result = await sealToolOutput(structured(value), { ...scope, reuse });
      ids.push(handleAt(result.structuredContent).handle_id);
    }
    return ids;
  }

  it("have different handles by default", async () => {
    expect(new Set(await idsOf([RECORD, RECORD])).size).toBe(2);
  });

  it("have the same handle with HandleReuse, in any order of members", async () => {
    const other = { visits: RECORD.visits, ssn: RECORD.ssn, name: RECORD.name };
    const ids = await idsOf([RECORD, other], lookupScope({}), new HandleReuse());
    expect(new Set(ids).size).toBe(1);
  });

  it("of different shapes are not equal", async () => {
    const values = [
      { a: 1 },
      [["a", 1]],
      { a: "1" },
      ["{", ["a", 1]],
      ["a", 1],
      [["a"], 1],
      {},
      [],
    ];
    const ids = await idsOf(values, lookupScope({}), new HandleReuse());
    expect(new Set(ids).size).toBe(values.length);
  });

  it("of another subject, server, rule or lifetime have another handle", async () => {
    const reuse = new HandleReuse();
    const scope = lookupScope({});
    const scopes = [
      scope,
      { ...scope, subject: "bob" },
      { ...scope, server: "others" },
      lookupScope({ seal: [{ at: "", grant: [GRANTED] }] }, scope.vault),
      lookupScope({ seal: [{ at: "", ttlSeconds: 5 }] }, scope.vault),
    ];
    const ids = await Promise.all(scopes.map((one) => idsOf([RECORD], one, reuse)));
    expect(new Set(ids.flat()).size).toBe(scopes.length);
  });

  it("have a new handle after half of its lifetime, or after it was invalidated", async () => {
    const { vault, clock } = vaultWithClock();
    const scope = lookupScope({ seal: [{ at: "", ttlSeconds: 100 }] }, vault);
    const reuse = new HandleReuse({ clock });
    const [first] = await idsOf([RECORD], scope, reuse);
    clock.advanceSeconds(50);
    expect(await idsOf([RECORD], scope, reuse)).toEqual([first]);
    clock.advanceSeconds(1);
    const [second] = await idsOf([RECORD], scope, reuse);
    expect(second).not.toBe(first);
    await vault.invalidate(String(second));
    expect(await idsOf([RECORD], scope, reuse)).not.toEqual([second]);
  });

  it("with limited uses never share a handle", async () => {
    const scope = lookupScope({ seal: [{ at: "", maxUses: 1 }] });
    expect(new Set(await idsOf([RECORD, RECORD], scope, new HandleReuse())).size).toBe(2);
  });

  it("are remembered up to a bound", async () => {
    const reuse = new HandleReuse({ maxHandles: 1 });
    const scope = lookupScope({});
    const [first, , third] = await idsOf([1, 2, 1], scope, reuse);
    expect(third).not.toBe(first);
  });

  it.each([
    [{ key: new Uint8Array(31) }, RangeError],
    [{ key: "secret" }, TypeError],
    [{ maxHandles: 0 }, RangeError],
    [{ clock: {} }, TypeError],
    [{ max: 1 }, TypeError],
  ])("need sound options: case %#", (options, kind) => {
    expect(() => new HandleReuse(options as never)).toThrow(kind);
  });
});

function circular(): Record<string, unknown> {
  const value: Record<string, unknown> = { content: [] };
  value["structuredContent"] = value;
  return value;
}

function throwing(): never {
  throw new Error("Ada Lovelace");
}

function nested(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = { a: value };
  return value;
}

function refusing() {
  return new AgentPolicy({ servers: {}, defaults: { unlisted: "refuse" } });
}
