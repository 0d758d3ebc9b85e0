import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { HandleVault, VaultCodec } from "../../../src/index.js";
import { lengthWithin, TemplateEngine, toTag } from "../../../src/template.js";
import { thrownBy } from "../../support/refusals.js";
import { OWNER, STRANGER, sealOptions } from "../../support/vault.js";
import { AS, countingVault, sealed, UNKNOWN_ID } from "../scene.js";

const { vault, clock, asked } = countingVault();
const engine = new TemplateEngine(vault);
afterAll(() => vault.close());

async function textOf(text: string, options = {}): Promise<string> {
  return (await engine.hydrate(text, { ...AS, ...options })).text;
}

describe("what the original's templates do", () => {
  it("29: toTag writes the original's tag, which is readable, and names are configurable", async () => {
    const handle = await vault.seal("Ada", sealOptions({ safeView: "a name" }));
    const tag = toTag(handle, { tagName: "kest-handle" });
    expect(tag).toBe(`<kest-handle id="${handle.id}" safe_view="a name"/>`);
    expect(toTag(handle)).toBe(`<handle id="${handle.id}" safe_view="a name"/>`);
    expect(await textOf(`${tag}${toTag(handle)}`)).toBe("AdaAda");
    const own = new TemplateEngine(vault, { tagNames: ["sealed"] });
    const text = `${toTag(handle, { tagName: "sealed" })}${tag}`;
    expect((await own.hydrate(text, AS)).text).toBe(`Ada${tag}`);
  });

  it("30: toTag escapes quotes, markup, control characters and braces", async () => {
    const safeView = `x"'/><kest-handle id="${UNKNOWN_ID}"/>&{{${UNKNOWN_ID}}}\n\u0000\u0085`;
    const id = await sealed(vault, "Ada", { safeView });
    const tag = toTag({ id, safeView });
    expect(tag.slice(1, -2)).not.toMatch(/[<>'{\p{Cc}]/u);
    expect(tag.match(/"/g)).toHaveLength(4);
    expect(engine.parse(tag).map(({ written }) => written)).toEqual([id]);
    expect(await textOf(`<${tag}>`)).toBe("<Ada>");
  });

  it("31: parse keeps order and duplicates, and finds nothing where nothing is", async () => {
    const [a, b] = [await sealed(vault, 1), await sealed(vault, 2)];
    const text = `<kest-handle id="${b}"/>{{${a}}} <kest-handle safe_view="" id="${b}"/>`;
    expect(engine.parse(text).map(({ reference }) => reference?.id)).toEqual([b, a, b]);
    expect(engine.parse("no handle")).toEqual([]);
    expect(engine.parse(`<kest-handle id="${a}"> <kest-handle id="other_${a}"/>`)).toEqual([]);
  });

  it("32: render replaces all, duplicates too, and leaves unknown ones as they are", () => {
    const id = `hdl_${"a".repeat(32)}`;
    const text = `{{${id}#/n}} <handle id="${id}"/> {{${UNKNOWN_ID}}} {{${id}#/m}} {{hdl_x}} {{hdl_`;
    const payload = { n: "$& $1 $` {{", deep: [1] };
    expect(engine.render(text, new Map([[id, payload]]))).toBe(
      `$& $1 $\` {{ ${JSON.stringify(payload)} {{${UNKNOWN_ID}}} {{${id}#/m}} {{hdl_x}} {{hdl_`,
    );
  });

  it("33: hydrate opens each handle once, in one call, and lets no placeholder through", async () => {
    const [a, b] = [await sealed(vault, "Ada"), await sealed(vault, 42, { maxUses: 1 })];
    asked.length = 0;
    const text = `{{${a}}} is <handle safe_view="" id="${b}"/>, {{${b}}}: <handle id="${a}" safe_view=""/>`;
    const hydrated = await engine.hydrate(text, AS);
    expect(hydrated).toEqual({ text: "Ada is 42, 42: Ada", handles: [a, b], unresolved: [] });
    expect(asked).toEqual([[a, b]]);
  });

  it("34: text is inserted as it is, other data as JSON, and by a serializer of one's own", async () => {
    const id = await sealed(vault, { a: [1, "x", null, true] });
    expect(await textOf(`{{${id}}} {{${id}#/a/1}} {{${id}#/a/2}}`)).toBe(
      '{"a":[1,"x",null,true]} x null',
    );
    const own = new TemplateEngine(vault, {
      format: "html",
      stringify: (data) => `<${typeof data}>`,
    });
    expect((await own.hydrate(`{{${id}}}`, AS)).text).toBe("&lt;object&gt;");
  });

  it("35: denied, missing and expired handles are collected in one HydrationError", async () => {
    const fine = await sealed(vault, "secret-canary");
    const denied = await sealed(vault, "secret-canary", { grantedPrincipals: [STRANGER] });
    const expired = await sealed(vault, "secret-canary", { ttlSeconds: 1 });
    clock.advanceSeconds(2);
    const text = [fine, denied, UNKNOWN_ID, expired].map((id) => `{{${id}}}`).join(" ");
    const error = await thrownBy(() => engine.hydrate(`${text} {{hdl_x}} {{${fine}#/x}}`, AS));
    expect(error).toMatchObject({ code: "ERR_VAULT_HYDRATION", reason: "unresolved-handles" });
    expect((error as { errors?: unknown }).errors).toEqual(
      new Map([
        [denied, "ERR_VAULT_HANDLE_ACCESS_DENIED"],
        [UNKNOWN_ID, "ERR_VAULT_HANDLE_NOT_FOUND"],
        [expired, "ERR_VAULT_HANDLE_EXPIRED"],
        ["hdl_x", "malformed"],
        [`${fine}#/x`, "no-such-field"],
      ]),
    );
    const shown = `${String(error)} ${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`;
    expect(shown).not.toMatch(/hdl_[0-9a-f]{8}|canary/);
  });

  it("36: a validator that refuses the result withholds it", async () => {
    const id = await sealed(vault, "secret-canary");
    const strict = new TemplateEngine(vault, { validators: [lengthWithin({ max: 9 })] });
    const error = await thrownBy(() => strict.hydrate(`{{${id}}}`, AS));
    expect(error).toMatchObject({ code: "ERR_VAULT_OUTPUT_VALIDATION", rule: "length" });
    expect(inspect(error)).not.toContain("canary");
    expect((await strict.hydrate("123456789", AS)).text).toBe("123456789");
  });

  it("37: hydrate works whatever codec the vault has", async () => {
    const { gzipCompressor } = await import("../../../src/index.js");
    const other = new HandleVault({ codec: new VaultCodec({ compressor: gzipCompressor() }) });
    const id = await sealed(other, { text: "x".repeat(9000) });
    const { text } = await new TemplateEngine(other).hydrate(`{{${id}#/text}}`, AS);
    expect(text).toBe("x".repeat(9000));
    await other.close();
  });
});

describe("hydrate", () => {
  it("opens only allowed handles, and requests no other from the vault", async () => {
    const [mine, planted] = [await sealed(vault, "mine"), await sealed(vault, "theirs")];
    const text = `{{${mine}}} {{${planted}}} <handle id="${planted}#/x"/>`;
    asked.length = 0;
    const handle = { id: mine };
    for (const allow of [[mine], new Set([mine]), [handle], new Set([handle])]) {
      const hydrated = await engine.hydrate(text, { ...AS, allow, onUnresolved: "keep" });
      expect(hydrated.text).toBe(text.replace(`{{${mine}}}`, "mine"));
      expect(hydrated.unresolved).toEqual([
        { written: planted, reason: "not-allowed" },
        { written: `${planted}#/x`, reason: "not-allowed" },
      ]);
    }
    expect(asked).toEqual([[mine], [mine], [mine], [mine]]);
    const error = await thrownBy(() => engine.hydrate(text, { ...AS, allow: [mine] }));
    expect(error).toMatchObject({ reason: "unresolved-handles" });
    for (const allow of [mine, { id: mine }, [undefined], [[mine]], new Set([5])]) {
      expect(await thrownBy(() => textOf(text, { allow }))).toBeInstanceOf(TypeError);
    }
  });

  it("leaves unresolved references unchanged if an option says so, and reports each with its reason", async () => {
    const fine = await sealed(vault, "Ada");
    const text = `{{ ${fine} }}, {{ ${UNKNOWN_ID} }}, {{hdl_12}}, {{${fine}#/a}}`;
    const hydrated = await engine.hydrate(text, { ...AS, onUnresolved: "keep" });
    expect(hydrated.text).toBe(text.replace(`{{ ${fine} }}`, "Ada"));
    expect(hydrated.handles).toEqual([fine]);
    expect(hydrated.unresolved.map(({ reason }) => reason)).toEqual([
      "ERR_VAULT_HANDLE_NOT_FOUND",
      "malformed",
      "no-such-field",
    ]);
  });

  it("leaves foreign, expired and mangled ids unchanged in every format, and reports each", async () => {
    const foreign = await sealed(vault, "secret-canary", { grantedPrincipals: [STRANGER] });
    const expired = await sealed(vault, "secret-canary", { ttlSeconds: 1 });
    const mangled = (await sealed(vault, "secret-canary")).slice(0, -1);
    clock.advanceSeconds(2);
    const text = [foreign, expired, mangled, UNKNOWN_ID].map((id) => `"<b>{{${id}}}</b>"`).join();
    for (const format of ["text", "html", "markdown", "json", "json-string"] as const) {
      const formatting = new TemplateEngine(vault, { format });
      const hydrated = await formatting.hydrate(text, { ...AS, onUnresolved: "keep" });
      expect(hydrated).toEqual({
        text,
        handles: [],
        unresolved: [
          { written: foreign, reason: "ERR_VAULT_HANDLE_ACCESS_DENIED" },
          { written: expired, reason: "ERR_VAULT_HANDLE_EXPIRED" },
          { written: mangled, reason: "malformed" },
          { written: UNKNOWN_ID, reason: "ERR_VAULT_HANDLE_NOT_FOUND" },
        ],
      });
    }
  });

  it("suggests the known handle that a mangled id is nearest to, and never puts it in", async () => {
    const [known, other] = [await sealed(vault, "Ada"), await sealed(vault, "Bob")];
    const last = known.at(-1) === "0" ? "1" : "0";
    const mangled = [known.slice(0, -1), `${known}0`, known.slice(0, -1) + last];
    const options = { ...AS, knownHandles: [known, other], onUnresolved: "keep" } as const;
    for (const id of mangled) {
      const text = `{{${id}#/name}}`;
      const hydrated = await engine.hydrate(text, options);
      expect(hydrated.text).toBe(text);
      expect(hydrated.unresolved).toMatchObject([{ suggestion: known }]);
    }
    const { unresolved } = await engine.hydrate(`{{hdl_${"7".repeat(32)}}}`, options);
    expect(unresolved[0]).not.toHaveProperty("suggestion");
  });

  it("refuses a text with more handles than allowed before it opens one", async () => {
    const ids = await Promise.all([1, 2, 3].map((data) => sealed(vault, data, { maxUses: 1 })));
    const text = ids.map((id) => `{{${id}}}{{${id}}}`).join("");
    const narrow = new TemplateEngine(vault, { maxHandles: 2 });
    const error = await thrownBy(() => narrow.hydrate(text, AS));
    expect(error).toMatchObject({ reason: "too-many-handles" });
    expect(await textOf(text)).toBe("112233");
  });

  it("refuses an output that is too large before it is made", async () => {
    const id = await sealed(vault, "x".repeat(1_000_000));
    const error = await thrownBy(() => textOf(`{{${id}}}`.repeat(100_000)));
    expect(error).toMatchObject({ reason: "output-too-large" });
    const exact = new TemplateEngine(vault, { maxOutputLength: 1_000_001 });
    expect((await exact.hydrate(`{{${id}}}.`, AS)).text).toHaveLength(1_000_001);
    expect(await thrownBy(() => exact.hydrate(`{{${id}}}..`, AS))).toMatchObject({
      reason: "output-too-large",
    });
  });

  it("rejects a text that ends within a placeholder", async () => {
    const id = await sealed(vault, "x");
    for (const onUnresolved of ["throw", "keep"]) {
      const error = await thrownBy(() => textOf(`{{${id}`, { onUnresolved }));
      expect(error).toMatchObject({ reason: "incomplete-placeholder" });
    }
  });

  it("rejects bytes and values that JSON would change, unless a serializer accepts them", async () => {
    const error = await thrownBy(async () =>
      textOf(`{{${await sealed(vault, Uint8Array.of(1))}}}`),
    );
    expect([...(error as { errors: Map<string, string> }).errors.values()]).toEqual([
      "not-renderable",
    ]);
    const hex = new TemplateEngine(vault, {
      stringify: (data) => Buffer.from(data as Uint8Array).toString("hex"),
    });
    const text = `{{${await sealed(vault, Uint8Array.of(1, 255))}}}`;
    expect((await hex.hydrate(text, AS)).text).toBe("01ff");
    const lossy: unknown[] = [new Map(), new Set(), { a: Uint8Array.of(1) }, Number.NaN, 1n];
    const id = `hdl_${"a".repeat(32)}`;
    for (const payload of [...lossy, { a: undefined }, undefined]) {
      const refusal = await thrownBy(() => engine.render(`{{${id}}}`, new Map([[id, payload]])));
      expect(refusal).toMatchObject({ errors: new Map([[id, "not-renderable"]]) });
    }
  });

  it("tries to render each place once, also where that fails", async () => {
    let tries = 0;
    const failing = new TemplateEngine(vault, {
      stringify: () => {
        tries += 1;
        throw new Error("secret-canary");
      },
    });
    const id = await sealed(vault, { a: 1 });
    const text = `{{${id}}}{{ ${id} }}<handle id="${id}"/>{{${id}#/a}}`;
    const hydrated = await failing.hydrate(text, { ...AS, onUnresolved: "keep" });
    expect(hydrated.text).toBe(text);
    expect(hydrated.unresolved).toEqual([
      { written: id, reason: "not-renderable" },
      { written: `${id}#/a`, reason: "not-renderable" },
    ]);
    expect(tries).toBe(2);
  });

  it("renders each place once, however often it is inserted", async () => {
    const rendered: unknown[] = [];
    const noting = new TemplateEngine(vault, {
      stringify: (data) => String(rendered.push(data)),
    });
    const id = await sealed(vault, { a: "A" });
    const { text } = await noting.hydrate(`{{${id}#/a}}{{${id}}}{{${id}#/a}}`, AS);
    expect(text).toBe("121");
    expect(rendered).toEqual(["A", { a: "A" }]);
  });

  it("does not reveal a serializer's error", async () => {
    const failing = new TemplateEngine(vault, {
      stringify: (data) => {
        throw new Error(String(data));
      },
    });
    const id = await sealed(vault, "secret-canary");
    const error = await thrownBy(() => failing.hydrate(`{{${id}}}`, AS));
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain("canary");
  });

  it("reports a vault that returns fewer payloads than requested", async () => {
    const partial = Object.create(vault, { unsealMany: { value: async () => [] } });
    const { unresolved } = await new TemplateEngine(partial).hydrate(`{{${UNKNOWN_ID}}}`, {
      ...AS,
      onUnresolved: "keep",
    });
    expect(unresolved).toEqual([{ written: UNKNOWN_ID, reason: "failed" }]);
  });

  it.each([
    [{ format: "pdf" }, "format must be one of text, html, markdown, json, json-string"],
    [{ tagNames: ["a b"] }, "a tag name must be a letter"],
    [{ tagNames: "handle" }, "tagNames must be an array"],
    [{ maxHandles: -1 }, "maxHandles must be"],
    [{ maxPlaceholderLength: 10 }, "maxPlaceholderLength must be"],
    [{ stringify: 1 }, "stringify must be a function"],
    [{ validators: [{}] }, "every validator must be"],
    [{ formats: "html" }, "unknown option: formats"],
  ])("cannot be had with the options %j", (options, message) => {
    expect(() => new TemplateEngine(vault, options as object)).toThrow(message);
  });

  it.each([
    [{}, "requestingPrincipal must be a string"],
    [{ ...AS, onUnresolved: "ignore" }, "onUnresolved must be"],
    [{ ...AS, principal: OWNER }, "unknown option: principal"],
  ])("cannot be called with the options %j", async (options, message) => {
    const error = await thrownBy(() => engine.hydrate("", options as typeof AS));
    expect(String(error)).toContain(message);
  });
});
