import { execFileSync } from "node:child_process";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { HandleVault, memoryCache } from "../../../src/index.js";
import { hydrateArguments, type ToolPolicy, toolPrincipal } from "../../../src/mcp.js";
import { overriding } from "../../support/failing-cache.js";
import { vaultWithClock } from "../../support/vault.js";
import { checkScope, SUBJECT, sealFor } from "../support/scope.js";

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

  it("stays literal text at a place without a rule", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    const args = { to: id, list: [id], other: { nested: id, handle_id: id, [id]: 1 } };
    expect(await hydrated(args, vault)).toEqual(args);
  });

  const shown = (id: string) => ({ handle_id: id, safe_view: "a", expires_at: "b" });
  it.each<[string, (id: string) => unknown]>([
    ["with blanks around it", (id) => ` ${id}\n`],
    ["with a non-breaking space", (id) => `${id}\u00a0`],
    ["with invisible characters", (id) => `\ufeff${id.slice(0, 9)}\u200b${id.slice(9)}`],
    ["in capitals", (id) => id.toUpperCase()],
    ["with its digits in capitals", (id) => `hdl_${id.slice(4).toUpperCase()}`],
    ["with a scheme in capitals", (id) => `HANDLE://${id}`],
    ["with the slash of an address", (id) => `handle://${id}/`],
    ["percent-encoded", (id) => encodeURIComponent(`handle://${id}`)],
    ["in quotes", (id) => `"${id}"`],
    ["in single quotes", (id) => `'${id}'`],
    ["in typographic quotes", (id) => `“${id}”`],
    ["in backticks", (id) => `\`${id}\``],
    ["in a code block", (id) => `\`\`\`${id}\`\`\``],
    ["in angle brackets", (id) => `<${id}>`],
    ["in brackets", (id) => `[${id}]`],
    ["in one brace", (id) => `{${id}}`],
    ["in a variable's braces", (id) => `\${${id}}`],
    ["in bold", (id) => `**${id}**`],
    ["with a period", (id) => `${id}.`],
    ["in a link of Markdown", (id) => `[the patient](handle://${id})`],
    ["with an escaped underscore", (id) => id.replace("_", "\\_")],
    ["in a closed tag", (id) => `<handle id="${id}" safe_view="a"></handle>`],
    ["in a tag with smart quotes", (id) => `<handle id=“${id}” safe_view=“a”/>`],
    ["in a closed tag, quoted", (id) => `"<handle id='${id}'></handle>"`],
    ["in escaped braces", (id) => `\\{\\{${id.replace("_", "\\_")}\\}\\}`],
    ["with its member's name", (id) => `handle_id: ${id}`],
    ["in JSON", (id) => JSON.stringify(shown(id))],
    ["in JSON, alone", (id) => JSON.stringify({ handle_id: id })],
    ["in JSON in JSON", (id) => JSON.stringify(JSON.stringify({ handle_id: id }))],
    ["in several of these", (id) => ` \`"<${id.toUpperCase()}>"\`. `],
  ])("is opened where a model spelled it %s", async (_, spell) => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    expect(await hydrated({ patient: spell(id) }, vault)).toEqual({ patient: PATIENT });
  });

  it.each<[string, (id: string) => unknown]>([
    ["within a longer text", (id) => `patient ${id}`],
    ["with another scheme", (id) => `vault://${id}`],
    ["with a hyphen", (id) => id.replace("_", "-")],
    ["with a full-width underscore", (id) => id.replace("_", "＿")],
    ["with a path", (id) => `${id}.name`],
    ["behind a sign", (id) => `@${id}`],
    ["cut after eight digits", (id) => id.slice(0, 12)],
    ["in an escaped text", (id) => `see hdl\\_${id.slice(4)}`],
    ["in a percent-encoded text", (id) => `see%20hdl%5F${id.slice(4)}`],
    ["in an entity", (id) => `see hdl&#95;${id.slice(4)}`],
    ["in an object with more members", (id) => ({ ...shown(id), type: "text" })],
    ["in an object of other members", (id) => ({ id })],
    ["deeper within", (id) => ({ value: [{ patient: id }] })],
    ["in a list", (id) => [id]],
    ["as the name of a member", (id) => ({ [id]: 1 })],
  ])("that is left over refuses the call: %s", async (_, spell) => {
    const { vault, scope } = scene();
    const { id } = await sealFor(vault, PATIENT, { maxUses: 1 });
    const text = await refusal({ patient: spell(id), drugs: [id] }, scope);
    expect(text).toMatch(/^Not executed: .*(?:at \/patient.* form|a handle in the arguments)/s);
    expect(text).not.toContain(id);
    // No handle was opened, so the only use is left.
    expect(await hydrated({ patient: id }, vault)).toEqual({ patient: PATIENT });
  });

  it("that is left over is found in a text in place of a list of handles", async () => {
    const { vault, scope } = scene();
    const { id } = await sealFor(vault, PATIENT);
    expect(await refusal({ drugs: id }, scope)).toContain("at /drugs ");
    expect(await refusal({ drugs: JSON.stringify([id]) }, scope)).toContain("at /drugs ");
  });

  it("may be mentioned where the rule passes leftovers", async () => {
    const vault = new HandleVault();
    const hydrate = [{ at: "/text", inside: true, leftover: "pass" }, { at: "/to" }] as const;
    const scope = checkScope({ seal: "none", hydrate }, vault);
    const { id } = await sealFor(vault, "Ada");
    const text = `ask ${id}, not HDL_${id.slice(4)} nor ${id.slice(0, -4)}`;
    const outcome = await hydrateArguments({ text, to: id }, scope);
    expect(outcome).toMatchObject({
      ok: true,
      arguments: { text: text.replace(id, "Ada"), to: "Ada" },
    });
    expect(await refusal({ text, to: id.slice(0, -4) }, scope)).toMatch(/^Not executed/);
  });

  it("inside an opened value is never a leftover", async () => {
    const { vault } = scene();
    const inner = await sealFor(vault, "secret");
    const outer = await sealFor(vault, { note: `see HDL_${inner.id.slice(4)}`, id: inner.id });
    expect(await hydrated({ patient: outer.id }, vault)).toEqual({
      patient: { note: `see HDL_${inner.id.slice(4)}`, id: inner.id },
    });
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
    const note = `For {{${id}#/name}}, born ${id}#/ssn. See handle://${id}#/a~1b/0.`;
    expect(await hydrated({ note }, vault)).toEqual({
      note: `For Ada Lovelace, born 123-45-6789. See 1.`,
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

  it("does not change the given arguments", async () => {
    const { vault } = scene();
    const { id } = await sealFor(vault, PATIENT);
    const args = { patient: { handle_id: id }, drugs: [id], note: id };
    const before = structuredClone(args);
    await hydrated(args, vault);
    expect(args).toEqual(before);
  });

  it("becomes an own property where the member has a dangerous name", async () => {
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

  it("prevents opening the others of the call, and spends none of their uses", async () => {
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

  it("because the vault is down results in advice to try again, without details of the vault", async () => {
    const vault = new HandleVault({
      cache: overriding(memoryCache(), { get: () => Promise.reject(new Error("host db-7")) }),
    });
    const text = await refusal({ patient: UNKNOWN }, checkScope(RULES, vault));
    expect(text).toMatch(/^Not executed: the vault.*Try again/s);
    expect(text).not.toContain("db-7");
  });

  it("is refused if it is one of too many", async () => {
    const { vault, scope } = scene();
    const handles = await Promise.all(Array.from({ length: 101 }, () => sealFor(vault, "x")));
    const drugs = handles.map(({ id }) => id);
    expect(await refusal({ drugs }, scope)).toContain("Not executed");
    expect(await hydrated({ drugs: drugs.slice(1) }, vault)).toEqual({
      drugs: Array(100).fill("x"),
    });
  });
});

describe("a text inside which a handle is opened", () => {
  const HYDRATE = ["text", "json", "url", "shell", "sql"] as const;

  /** Opens a handle to `value` inside the text that `write` returns. */
  async function inserted(value: unknown, write: (id: string) => string, format?: Format) {
    const vault = new HandleVault();
    const hydrate = [{ at: "/text", inside: true, ...(format === undefined ? {} : { format }) }];
    const scope = checkScope({ seal: "none", hydrate }, vault);
    const { id } = await sealFor(vault, value);
    const outcome = await hydrateArguments({ text: write(id) }, scope);
    return outcome.ok ? outcome.arguments["text"] : String(outcome.refusal.content[0]?.["text"]);
  }
  type Format = (typeof HYDRATE)[number];

  it("receives values escaped as JSON, where it is JSON", async () => {
    for (const value of ['Ada "L"\nLovelace', 'x","admin":true,"y":"', "\\", "\u2028</script>"]) {
      const text = String(await inserted(value, (id) => `{"name":"{{${id}}}","n":[1]}`));
      expect(JSON.parse(text)).toEqual({ name: value, n: [1] });
    }
  });

  it("receives no value where it would change the structure of the JSON", async () => {
    for (const write of [
      (id: string) => `{"name":{{${id}}}}`,
      (id: string) => `{"{{${id}}}":1}`,
      (id: string) => `[${id}]x`,
    ]) {
      const refused = await inserted('1,"admin":true', write, "json");
      expect(refused).toMatch(/^Not executed: .* could end a string/);
    }
    expect(await inserted("1", (id) => `{"name":{{${id}}}}`)).toMatch(/^Not executed/);
  });

  it("receives values percent-encoded, where it is a URL", async () => {
    const write = (id: string) => `https://x.test/${id}/?q=${id}&r=${id}`;
    const url = new URL(String(await inserted("a&b=c d/../x'é#", write, "url")));
    const encoded = "a%26b%3Dc%20d%2F..%2Fx%27%C3%A9%23";
    expect(url.href).toBe(`https://x.test/${encoded}/?q=${encoded}&r=${encoded}`);
  });

  it("receives each value as one word, where it is a shell command", async () => {
    const values = ["Ada's; rm -rf /", "$(id) `id` \\ \n *", "", 'a"b'];
    for (const value of values) {
      const command = await inserted(value, (id) => `printf %s ${id}`, "shell");
      expect(execFileSync("sh", ["-c", String(command)], { encoding: "utf8" })).toBe(value);
    }
    for (const write of [
      (id: string) => `echo "${id}"`,
      (id: string) => `echo '${id}'`,
      (id: string) => `echo \`echo ${id}\``,
      (id: string) => `cat <<E\n${id}\nE`,
      (id: string) => `echo \\${id}`,
    ]) {
      expect(await inserted("x", write, "shell")).toMatch(/^Not executed: .* could end a string/);
    }
    expect(await inserted("a\0b", (id) => `echo ${id}`, "shell")).toMatch(/^Not executed/);
  });

  it("receives each value as one literal, where it is SQL", async () => {
    const database = new Database(":memory:");
    for (const value of ["O'Neil'; DROP TABLE t --", "", "é 東京", 5, -5, 2.5, true, null]) {
      const query = String(
        await inserted(value, (id) => `SELECT 1 -${id} AS n, ${id} AS v`, "sql"),
      );
      const expected = typeof value === "boolean" ? 1 : value;
      expect(database.prepare(query).get()).toMatchObject({ v: expected });
    }
    for (const write of [
      (id: string) => `SELECT '${id}'`,
      (id: string) => `SELECT "${id}"`,
      (id: string) => `SELECT 1 -- ${id}`,
      (id: string) => `SELECT $$${id}$$`,
    ]) {
      expect(await inserted("x", write, "sql")).toMatch(/^Not executed: .* could end a string/);
    }
    expect(await inserted("\\' OR 1=1 --", (id) => `SELECT ${id}`, "sql")).toMatch(/^Not executed/);
  });

  it("is plain text by default", async () => {
    for (const format of [undefined, "text"] as const) {
      expect(await inserted('a "b"', (id) => `{ ${id} }`, format)).toBe('{ a "b" }');
    }
    expect(await inserted("b", (id) => `{"a":"${id}"}`, "text")).toBe('{"a":"b"}');
  });
});

describe("a use", () => {
  it("is not spent by a call that is refused for a part of another handle", async () => {
    const { vault, scope } = scene();
    const limited = await sealFor(vault, "aspirin", { maxUses: 1 });
    const open = await sealFor(vault, PATIENT);
    const text = await refusal({ drugs: [limited.id, `${open.id}#/nothing`] }, scope);
    expect(text).toMatch(/^Not executed: a handle/);
    expect(await hydrated({ drugs: [limited.id, `${open.id}#/name`] }, vault)).toEqual({
      drugs: ["aspirin", "Ada Lovelace"],
    });
  });
});

describe("references inside a text", () => {
  it("are refused if they are malformed, whatever else is in the text", async () => {
    const { vault } = scene();
    const opening = `{{${UNKNOWN}#`.repeat(4000);
    expect(await refusal({ note: opening }, checkScope(RULES, vault))).toMatch(/^Not executed/);
  });
});
