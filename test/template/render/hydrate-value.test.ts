import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { findReferences, type HydrateValueOptions, hydrateValue } from "../../../src/template.js";
import { thrownBy } from "../../support/refusals.js";
import { AS, countingVault, sealed, UNKNOWN_ID } from "../scene.js";

const { vault, asked } = countingVault();
afterAll(() => vault.close());

async function hydrated(value: unknown, options: Partial<HydrateValueOptions> = {}) {
  return (await hydrateValue(vault, value, { ...AS, ...options })).value;
}

describe("hydrateValue", () => {
  it("recognises every form of a reference, each with a pointer", async () => {
    const payload = { name: "Ada", tags: ["x", 1] };
    const id = await sealed(vault, payload);
    for (const reference of [id, `${id}#`, `handle://${id}`]) {
      const forms = [reference, { handle_id: reference }, { handle_id: reference, safe_view: "x" }];
      for (const form of forms) expect(await hydrated(form)).toEqual(payload);
    }
    for (const form of [`{{${id}}}`, `{{ ${id} }}`, `<handle id="${id}" safe_view=""/>`]) {
      expect(await hydrated(form)).toEqual(payload);
    }
    const pointer = `${id}#/tags/1`;
    for (const form of [pointer, `handle://${pointer}`, `{{${pointer}}}`, { handle_id: pointer }]) {
      expect(await hydrated([form])).toEqual([1]);
    }
  });

  it("changes neither member names, nor other values, nor the given value", async () => {
    const id = await sealed(vault, 7);
    const date = new Date(0);
    const value = {
      [id]: [id, { deep: `{{${id}}}` }],
      date,
      other: { handle_id: id, name: "x" },
      longer: `see ${id}`,
      number: { handle_id: 1 },
      variable: "hdl_count",
    };
    const before = structuredClone(value);
    expect(await hydrated(value)).toEqual({
      ...value,
      [id]: [7, { deep: 7 }],
      other: { handle_id: 7, name: "x" },
    });
    expect(value).toEqual(before);
  });

  it("keeps a member named __proto__", async () => {
    const id = await sealed(vault, 7);
    const value = JSON.parse(`{"__proto__": {"admin": "${id}"}}`);
    const result = await hydrated(value);
    expect(JSON.stringify(result)).toBe('{"__proto__":{"admin":7}}');
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  });

  it("opens handles only at the chosen places", async () => {
    const [a, b] = [await sealed(vault, "A"), await sealed(vault, "B")];
    const value = {
      medications: [a, { handle_id: b }],
      note: `${a}; ${b}`,
      other: a,
      deep: { x: a },
    };
    asked.length = 0;
    const { value: result, insertions } = await hydrateValue(vault, value, {
      ...AS,
      places: ["/medications/*", { at: "/note", inside: "hydrate" }, "/deep", "/absent"],
    });
    expect(result).toEqual({ ...value, medications: ["A", "B"], note: "A; B" });
    expect(asked).toEqual([[a, b]]);
    expect(insertions).toEqual([
      { at: "/medications/0", reference: a, value: "A" },
      { at: "/medications/1", reference: b, value: "B" },
      { at: "/note", reference: a, value: "A" },
      { at: "/note", reference: b, value: "B" },
    ]);
  });

  it("opens exactly the references that findReferences finds", async () => {
    const id = await sealed(vault, { x: 1 });
    const value = { a: [`{{${id}#/x}}`, id], b: `- ${id} <handle id="${id}#/x"/>`, c: id };
    const where = { places: ["/a/*", { at: "/b", inside: "hydrate" }] } as const;
    const found = findReferences(value, where);
    expect(found).toEqual([
      { at: "/a/0", reference: `${id}#/x`, id },
      { at: "/a/1", reference: id, id },
      { at: "/b", reference: id, id },
      { at: "/b", reference: `${id}#/x`, id },
    ]);
    const { insertions } = await hydrateValue(vault, value, { ...AS, ...where });
    expect(insertions.map(({ at, reference }) => ({ at, reference, id }))).toEqual(found);
    expect(findReferences(value)).toHaveLength(3);
    const mangled = { at: "", reference: id.slice(0, -1), id: undefined };
    expect(findReferences(id.slice(0, -1))).toEqual([mangled]);
    expect(() => findReferences(value, { allow: [] } as object)).toThrow(TypeError);
  });

  it("hydrates references inside longer strings only if an option says so", async () => {
    const id = await sealed(vault, { a: 1 });
    const text = `x ${id}, handle://${id}#/a, {{${id}#/a}} <handle id="${id}"/> x${id}`;
    expect(await hydrated(text)).toBe(text);
    const json = '{"a":1}';
    const expected = `x ${json}, 1, 1 ${json} x${id}`;
    expect(await hydrated([text], { inside: "hydrate" })).toEqual([expected]);
  });

  it("does not search inserted values for references", async () => {
    const secret = await sealed(vault, "secret-canary");
    const inner = { handle_id: secret, again: [secret, `{{${secret}}}`] };
    const id = await sealed(vault, inner);
    expect(await hydrated({ a: id })).toEqual({ a: inner });
    const text = await hydrated(`- ${id} -`, { inside: "hydrate" });
    expect(text).toBe(`- ${JSON.stringify(inner)} -`);
  });

  it("does not open references in the other members of a handle object", async () => {
    const [id, other] = [await sealed(vault, 1), await sealed(vault, 2)];
    asked.length = 0;
    expect(await hydrated({ handle_id: id, safe_view: other })).toBe(1);
    expect(asked).toEqual([[id]]);
  });

  it("hydrates everything or nothing", async () => {
    const id = await sealed(vault, "A");
    const value = [id, UNKNOWN_ID, { handle_id: `${id.slice(0, -1)}` }, `${id}#/x`, `${id}#x`];
    const error = await thrownBy(() => hydrated(value));
    expect(error).toMatchObject({ code: "ERR_VAULT_HYDRATION", reason: "unresolved-handles" });
    expect([...(error as { errors: Map<string, string> }).errors.values()]).toEqual([
      "ERR_VAULT_HANDLE_NOT_FOUND",
      "malformed",
      "no-such-field",
      "malformed",
    ]);
    const kept = await hydrateValue(vault, value, { ...AS, onUnresolved: "keep" });
    expect(kept.value).toEqual(["A", ...value.slice(1)]);
    expect(kept.insertions).toEqual([{ at: "/0", reference: id, value: "A" }]);
    expect(kept.unresolved).toHaveLength(4);
  });

  it("refuses a string that is cut off within a placeholder", async () => {
    for (const text of ["{{hdl_", `<handle id="hdl_`]) {
      expect(await thrownBy(() => hydrated([text]))).toMatchObject({
        reason: "incomplete-placeholder",
      });
    }
  });

  it("inserts a separate copy at every place, also of bytes", async () => {
    const [id, bytes] = [await sealed(vault, { a: [1] }), await sealed(vault, Uint8Array.of(1, 2))];
    const value = (await hydrated([id, id, bytes, bytes])) as [
      object,
      object,
      Uint8Array,
      Uint8Array,
    ];
    expect(value[0]).toEqual(value[1]);
    expect(value[0]).not.toBe(value[1]);
    expect([...value[2]]).toEqual([1, 2]);
    value[2][0] = 9;
    expect([...value[3]]).toEqual([1, 2]);
  });

  it("does not accept a reference that is longer than a placeholder, in strings or objects", async () => {
    const id = await sealed(vault, { a: 1 });
    const limits = { maxPlaceholderLength: 128 };
    const longest = `${id}#/${"a".repeat(128 - id.length - 2)}`;
    expect(await thrownBy(() => hydrated(longest, limits))).toMatchObject({
      errors: new Map([[longest, "no-such-field"]]),
    });
    asked.length = 0;
    for (const long of [`${longest}a`, `${id}#${"/".repeat(2 ** 24)}`]) {
      for (const inside of ["inert", "hydrate"] as const) {
        expect(await hydrated(long, { ...limits, inside })).toBe(long);
      }
      expect(await thrownBy(() => hydrated({ handle_id: long }, limits))).toMatchObject({
        errors: new Map([[long.slice(0, 256), "malformed"]]),
      });
    }
    expect(asked).toEqual([]);
  });

  it("limits handles, nesting, and the size of insertions", async () => {
    const id = await sealed(vault, ["x".repeat(1000)]);
    expect(await thrownBy(() => hydrated([id], { maxHandles: 0 }))).toMatchObject({
      reason: "too-many-handles",
    });
    const many = new Array(1000).fill(id);
    expect(await thrownBy(() => hydrated(many, { maxOutputLength: 900_000 }))).toMatchObject({
      reason: "output-too-large",
    });
    expect(await hydrated(many)).toHaveLength(1000);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(await thrownBy(() => hydrated(cycle))).toBeInstanceOf(RangeError);
  });

  it("puts each payload exactly where its reference stood, in any JSON data", async () => {
    const payloads = [null, true, 1.5, "text", [1], { a: 1 }, "hdl_", "{{"];
    const ids = await Promise.all(payloads.map((payload) => sealed(vault, payload)));
    const leaf = fc.oneof(
      fc.integer({ min: 0, max: ids.length - 1 }).map((index) => ({ index })),
      fc.constantFrom("x", 1, null, true),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("tree")),
        fc.dictionary(fc.string(), tie("tree")),
      ),
    }));
    const mapped = (node: unknown, of: (index: number) => unknown): unknown => {
      if (Array.isArray(node)) return node.map((item) => mapped(item, of));
      if (typeof node !== "object" || node === null) return node;
      const { index } = node as { index?: unknown };
      if (typeof index === "number" && Object.keys(node).length === 1) return of(index);
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, mapped(item, of)]));
    };
    const property = fc.asyncProperty(tree, async (shape) => {
      const value = mapped(shape, (index) => ids[index]);
      expect(await hydrated(value)).toEqual(mapped(shape, (index) => payloads[index]));
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it.each([
    [{ places: "/a" }, "places must be an array"],
    [{ places: ["a"] }, "JSON pointer"],
    [{ inside: true }, "inside must be"],
    [{ places: [{ at: "", inside: true }] }, "inside must be"],
    [{ places: [{ at: "", insides: "hydrate" }] }, "unknown option: insides"],
  ])("cannot be called with the options %j", async (options, message) => {
    const error = await thrownBy(() => hydrated({}, options as object));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
  });
});
