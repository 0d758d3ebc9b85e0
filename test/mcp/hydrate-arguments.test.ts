import { describe, expect, it } from "vitest";
import { HandleVault, memoryCache } from "../../src/index.js";
import { hydrateArguments, type ToolPolicy, toolPrincipal } from "../../src/mcp.js";
import { overriding } from "../support/failing-cache.js";
import { vaultWithClock } from "../support/vault.js";
import { checkScope, SUBJECT, sealFor } from "./support/scope.js";

const RULES: ToolPolicy = {
  seal: "none",
  hydrate: [{ at: "/patient" }, { at: "/drugs/*" }, { at: "/note", inside: true }],
};
const PATIENT = { name: "Ada Lovelace", ssn: "123-45-6789", "a/b": [1, 2] };
const UNKNOWN = `hdl_${"0".repeat(32)}`;

function scene(vault = new HandleVault()) {
  return { vault, scope: checkScope(RULES, vault) };
}

async function hydrated(args: Record<string, unknown>, vault: HandleVault) {
  const outcome = await hydrateArguments(args, checkScope(RULES, vault));
  if (!outcome.ok) throw new Error(String(outcome.refusal.content[0]?.["text"]));
  return outcome.arguments;
}

async function refusal(args: Record<string, unknown>, scope = scene().scope): Promise<string> {
  const outcome = await hydrateArguments(args, scope);
  if (outcome.ok) throw new Error("expected a refusal");
  expect(outcome.refusal).toEqual({
    content: [{ type: "text", text: expect.any(String) }],
    isError: true,
  });
  return String(outcome.refusal.content[0]?.["text"]);
}

describe("a handle in an argument", () => {
  it.each<[string, (id: string) => unknown, unknown]>([
    ["its id", (id) => id, PATIENT],
    ["a URI", (id) => `handle://${id}`, PATIENT],
    ["a placeholder", (id) => `{{${id}}}`, PATIENT],
    ["a placeholder with spaces", (id) => `{{ ${id} }}`, PATIENT],
    ["what the model got", (id) => ({ handle_id: id, safe_view: "a", expires_at: "b" }), PATIENT],
    ["an id with a pointer", (id) => `${id}#/ssn`, "123-45-6789"],
    ["a URI with a pointer", (id) => `handle://${id}#/a~1b/1`, 2],
    ["a placeholder with a pointer", (id) => `{{${id}#/name}}`, "Ada Lovelace"],
    ["an object with a pointer", (id) => ({ handle_id: `${id}#/ssn` }), "123-45-6789"],
  ])("is opened where it is %s", async (_, refer, value) => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    expect(await hydrated({ patient: refer(id), dose: 1 }, vault)).toEqual({
      patient: value,
      dose: 1,
    });
  });

  it("is opened at every item that a rule covers", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, ["aspirin", "ibuprofen"]);
    const args = { drugs: [`${id}#/1`, "plain", { handle_id: `${id}#/0` }] };
    expect(await hydrated(args, vault)).toEqual({ drugs: ["ibuprofen", "plain", "aspirin"] });
  });

  it("stays literal text wherever no rule is", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    const args = {
      to: id,
      list: [id],
      patient: { nested: id, handle_id: 5 },
      drugs: { all: { handle_id: [id] } },
    };
    expect(await hydrated(args, vault)).toEqual(args);
  });

  it.each<[string, (id: string) => string]>([
    ["within a longer text", (id) => `patient ${id}`],
    ["with blanks around it", (id) => ` ${id} `],
    ["in capitals", (id) => id.toUpperCase()],
    ["with another scheme", (id) => `vault://${id}`],
  ])("is no handle %s", async (_, spoil) => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    expect(await hydrated({ patient: spoil(id) }, vault)).toEqual({ patient: spoil(id) });
  });

  it.each<[string, (id: string) => string]>([
    ["cut short", (id) => id.slice(0, -1)],
    ["too long", (id) => `${id}0`],
    ["with something that is no pointer", (id) => `${id}#ssn`],
  ])("is refused where it was mangled, %s", async (_, spoil) => {
    const { vault, scope } = scene();
    const { id } = await sealFor(vault, PATIENT);
    expect(await refusal({ patient: spoil(id) }, scope)).toMatch(/^Not executed: a handle/);
  });

  it("is opened inside longer texts where the rule says so", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    const note = `For {{${id}#/name}}, born ${id}#/ssn. See handle://${id}#/a~1b/0, not x${id}.`;
    expect(await hydrated({ note }, vault)).toEqual({
      note: `For Ada Lovelace, born 123-45-6789. See 1, not x${id}.`,
    });
  });

  it("inside an opened value is text like any other", async () => {
    const { vault } = scene();
    const inner = await sealFor(vault, "secret");
    const quote = `see {{${inner.id}}} and $& and ${inner.id}`;
    const outer = await sealFor(vault, quote);
    const args = { patient: outer.id, note: `${outer.id}, ${inner.id}` };
    expect(await hydrated(args, vault)).toEqual({ patient: quote, note: `${quote}, secret` });
  });

  it("leaves the arguments that were given as they are", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    const args = { patient: { handle_id: id }, drugs: [id], note: id };
    const before = structuredClone(args);
    await hydrated(args, vault);
    expect(args).toEqual(before);
  });

  it("becomes a member of its own where the member has a dangerous name", async () => {
    const vault = new HandleVault();
    const { id } = await sealFor(vault, { isAdmin: true });
    const scope = checkScope({ seal: "none", hydrate: [{ at: "/__proto__" }] }, vault);
    const outcome = await hydrateArguments(JSON.parse(`{"__proto__":"${id}"}`), scope);
    expect(outcome.ok && Object.getOwnPropertyNames(outcome.arguments)).toEqual(["__proto__"]);
    expect(outcome.ok && outcome.arguments["isAdmin"]).toBeUndefined();
  });
});

describe("a handle that does not open", () => {
  it("has one text for every reason", async () => {
    const { vault, clock } = vaultWithClock();
    const scope = checkScope(RULES, vault);
    const foreign = await sealFor(vault, PATIENT, { subject: "bob" });
    const used = await sealFor(vault, PATIENT, { maxUses: 1 });
    await vault.unseal(used.id, toolPrincipal(scope, SUBJECT));
    const ungranted = await vault.seal(PATIENT, { ownerPrincipal: "records", safeView: "a" });
    const bytes = await sealFor(vault, new Uint8Array(8));
    const expired = await vault.seal(PATIENT, {
      ownerPrincipal: "records",
      safeView: "a",
      ttlSeconds: 1,
    });
    clock.advanceSeconds(2);
    const open = await sealFor(vault, PATIENT);
    const texts = new Set<string>();
    for (const patient of [
      UNKNOWN,
      foreign.id,
      used.id,
      ungranted.id,
      bytes.id,
      expired.id,
      `${open.id}#/nothing`,
      `${open.id}#/constructor`,
    ]) {
      texts.add(await refusal({ patient }, scope));
    }
    expect([...texts]).toEqual([expect.stringMatching(/^Not executed: a handle.*new handle/s)]);
  });

  it("keeps all the others of the call closed, and their uses unspent", async () => {
    const { vault, scope } = scene();
    const limited = await sealFor(vault, "aspirin", { maxUses: 1 });
    await refusal({ drugs: [limited.id, UNKNOWN] }, scope);
    await refusal({ patient: limited.id, note: `and ${UNKNOWN}` }, scope);
    expect(await hydrated({ drugs: [limited.id] }, vault)).toEqual({ drugs: ["aspirin"] });
  });

  it("costs one use for a call, however often the call names it", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, ["aspirin", "ibuprofen"], { maxUses: 1 });
    expect(await hydrated({ drugs: [`${id}#/0`, `${id}#/1`] }, vault)).toEqual({
      drugs: ["aspirin", "ibuprofen"],
    });
  });

  it("because the vault is down says to try again, and nothing of the vault", async () => {
    const vault = new HandleVault({
      cache: overriding(memoryCache(), { get: () => Promise.reject(new Error("host db-7")) }),
    });
    const text = await refusal({ patient: UNKNOWN }, checkScope(RULES, vault));
    expect(text).toMatch(/^Not executed: the vault.*Try again/s);
    expect(text).not.toContain("db-7");
  });

  it("can be one of too many", async () => {
    const { vault, scope } = scene();
    const handles = await Promise.all(Array.from({ length: 101 }, () => sealFor(vault, "x")));
    const drugs = handles.map(({ id }) => id);
    expect(await refusal({ drugs }, scope)).toContain("Not executed");
    expect(await hydrated({ drugs: drugs.slice(1) }, vault)).toEqual({
      drugs: Array(100).fill("x"),
    });
  });
});

describe("references inside a text", () => {
  it("are found in time that grows with the text, whatever is in it", async () => {
    const { vault } = scene();
    const opening = `{{${UNKNOWN}#`.repeat(4000);
    const started = performance.now();
    await refusal({ note: opening }, checkScope(RULES, vault));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
