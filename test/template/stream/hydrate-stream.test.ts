import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  denyPatterns,
  type HydrateStreamOptions,
  type HydrationReport,
  hydrateByteStream,
  hydrateStream,
  lengthWithin,
  TemplateEngine,
} from "../../../src/template.js";
import { thrownBy } from "../../support/refusals.js";
import { AS, countingVault, cutsOf, sealed, through, UNKNOWN_ID } from "../scene.js";

const { vault, asked } = countingVault();
afterAll(() => vault.close());

async function streamed(pieces: readonly string[], options: Partial<HydrateStreamOptions> = {}) {
  const outputs = await through(pieces, hydrateStream(vault, { ...AS, ...options }));
  return outputs.join("");
}

/** Returns the output for a text, or the error. */
async function fateOf(text: Promise<string>): Promise<string> {
  return text.catch((error) => `${error.code} ${error.reason ?? error.rule}`);
}

describe("hydrateStream", () => {
  it("gives the engine's result, for every division of a text into three chunks", async () => {
    const id = await sealed(vault, { a: "<é😀>", b: [1] });
    const text = `😀{{${id}#/a}}{<handle id='${id}'/>é{{x`;
    const engine = new TemplateEngine(vault, { format: "html" });
    const expected = (await engine.hydrate(text, AS)).text;
    expect(expected).toContain("&lt;é😀&gt;");
    for (const pieces of cutsOf(text, 2)) {
      expect(await streamed(pieces, { format: "html" })).toBe(expected);
    }
  }, 120_000);

  it("gives the engine's result or error, for any text, division and format", async () => {
    const id = await sealed(vault, { a: "x<y" });
    const fragment = fc.constantFrom(
      `{{${id}}}`,
      `{{ ${id}#/a }}`,
      `{{${id}#/b}}`,
      `<handle safe_view="{" id="${id}#/a"/>`,
      `{{${UNKNOWN_ID}}}`,
      "{{hdl_1}}",
      "{",
      "{{hdl_",
      "<handle ",
      "text é😀\n",
      ...'[](:<>"\\,',
    );
    const property = fc.asyncProperty(
      fc.array(fragment, { maxLength: 10 }),
      fc.array(fc.nat(300)),
      fc.constantFrom("throw" as const, "keep" as const),
      fc.constantFrom("text", "html", "markdown", "json", "json-string", "json-text"),
      async (parts, cuts, onUnresolved, format) => {
        const text = parts.join("");
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length];
        const pieces = places
          .toSorted((a, b) => a - b)
          .map((place, index, all) => text.slice(all[index - 1] ?? 0, place));
        const whole = new TemplateEngine(vault, { format }).hydrate(text, { ...AS, onUnresolved });
        const [expected, fate] = await Promise.all([
          fateOf(whole.then((hydrated) => hydrated.text)),
          fateOf(streamed(pieces, { onUnresolved, format })),
        ]);
        expect(fate).toBe(expected);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it("rejects a placeholder in a forbidden position, for any division, and does not open it", async () => {
    const id = await sealed(vault, "javascript:alert(1)");
    const whole = `[a](\n{{${id}}})`;
    asked.length = 0;
    for (const pieces of cutsOf(whole, 1)) {
      const options = { format: "markdown", onUnresolved: "keep" } as const;
      expect(await streamed(pieces, options)).toBe(whole);
      expect(await fateOf(streamed(pieces, { format: "markdown" }))).toContain(
        "unresolved-handles",
      );
    }
    expect(asked).toEqual([]);
  });

  it("opens each handle once, however often and far apart it occurs", async () => {
    const [a, b] = [await sealed(vault, "A", { maxUses: 1 }), await sealed(vault, "B")];
    asked.length = 0;
    const reports: HydrationReport[] = [];
    const onReport = (report: HydrationReport) => reports.push(report);
    const pieces = [`{{${a}}}`, `{{${b}}}{{${a}}}`, `{{${a}}}`];
    expect(await streamed(pieces, { onReport })).toBe("ABAA");
    expect(asked).toEqual([[a], [b]]);
    expect(reports).toEqual([{ handles: [a, b], unresolved: [] }]);
  });

  it("immediately passes on text that cannot become a placeholder", async () => {
    const { readable, writable } = hydrateStream(vault, AS);
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    for (const [piece, expected] of [
      ["plain", "plain"],
      [" a < b {", " a < b "],
      ["c", "{c"],
      ["<handle>", "<handle>"],
    ] as const) {
      await Promise.all([
        writer.write(piece),
        expect(reader.read()).resolves.toEqual({ done: false, value: expected }),
      ]);
    }
    await Promise.all([
      writer.close(),
      expect(reader.read()).resolves.toMatchObject({ done: true }),
    ]);
  });

  it("holds no chunk for a turn of the event loop, once the handles in it were opened", async () => {
    const id = await sealed(vault, "A");
    const text = `{{${id}}} and {March}, see <b>them</b> `.repeat(300);
    const { readable, writable } = hydrateStream(vault, AS);
    const sent = readable.pipeTo(new WritableStream());
    const writer = writable.getWriter();
    const held: string[] = [];
    for (const chunk of text.match(/.{1,16}/g) ?? []) {
      let hasTurned = false;
      const turn = setImmediate(() => {
        hasTurned = true;
      });
      await writer.write(chunk);
      clearImmediate(turn);
      if (hasTurned) held.push(chunk);
    }
    await Promise.all([writer.close(), sent]);
    // The first chunk that ends a reference waits for the vault.
    expect(held.length).toBeLessThanOrEqual(1);
  });

  it("fails on a placeholder that is cut off at the end, and sends nothing of it", async () => {
    const id = await sealed(vault, "A");
    const whole = `{{${id}}}`;
    for (let length = "{{hdl_".length; length < whole.length; length++) {
      const outputs: string[] = [];
      const readable = ReadableStream.from(["sent ", whole.slice(0, length)]);
      const error = await thrownBy(async () => {
        const hydrated = readable.pipeThrough(
          hydrateStream(vault, { ...AS, onUnresolved: "keep" }),
        );
        for await (const output of hydrated) outputs.push(output);
      });
      expect(error).toMatchObject({ reason: "incomplete-placeholder" });
      expect(outputs).toEqual(["sent "]);
    }
  });

  it("applies limits to the whole text", async () => {
    const ids = [await sealed(vault, "A"), await sealed(vault, "B")];
    const pieces = ids.map((id) => `{{${id}}}`);
    expect(await fateOf(streamed(pieces, { maxHandles: 1 }))).toContain("too-many-handles");
    expect(await fateOf(streamed(["12", "34"], { maxOutputLength: 3 }))).toContain(
      "output-too-large",
    );
  });

  it("checks the length as it goes, and refuses rules that need the whole output", async () => {
    const validators = [lengthWithin({ min: 3, max: 5 })];
    expect(await streamed(["123", "45"], { validators })).toBe("12345");
    expect(await fateOf(streamed(["123", "456"], { validators }))).toContain("length");
    expect(await fateOf(streamed(["1", "2"], { validators }))).toContain("length");
    for (const validator of [denyPatterns(["x"]), () => true]) {
      expect(() => hydrateStream(vault, { ...AS, validators: [validator] })).toThrow(TypeError);
    }
  });

  it("reports no more than a thousand references, and the beginning of each", async () => {
    const reports: HydrationReport[] = [];
    const onReport = (report: HydrationReport) => reports.push(report);
    const long = (index: number) => `{{hdl_${index}${"x".repeat(1000)}}}`;
    const text = Array.from({ length: 1100 }, (_, index) => long(index)).join("");
    expect(await streamed([text], { onReport, onUnresolved: "keep" })).toBe(text);
    expect(reports[0]?.unresolved).toHaveLength(1000);
    expect(reports[0]?.unresolved[0]?.written).toHaveLength(256);
  });

  it("takes only strings", async () => {
    const pieces = [Uint8Array.of(1)] as unknown as string[];
    expect(await thrownBy(() => streamed(pieces))).toBeInstanceOf(TypeError);
  });
});

describe("hydrateByteStream", () => {
  const encoder = new TextEncoder();

  async function streamedBytes(pieces: readonly Uint8Array[]): Promise<Buffer> {
    return Buffer.concat(await through(pieces, hydrateByteStream(vault, AS)));
  }

  it("gives the same bytes for any division of the text, also within characters", async () => {
    const id = await sealed(vault, "é😀");
    const bytes = encoder.encode(`\ufeffé😀{{${id}}}€<handle id="${id}"/>😀{`);
    const expected = Buffer.from("\ufeffé😀é😀€é😀😀{");
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      expect((await streamedBytes(pieces)).equals(expected)).toBe(true);
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect((await streamedBytes(single)).equals(expected)).toBe(true);
  });

  it("gives the bytes of the whole text, also where two insertions make one character", async () => {
    const id = await sealed(vault, { high: "\ud83d", low: "\ude00" });
    const text = [`{{${id}#/high}}`, `{{${id}#/low}}`, `{{${id}#/low}}`, `{{${id}#/high}}`];
    const expected = Buffer.from("😀\ude00\ud83d");
    for (const pieces of [text, [text.join("")], ...cutsOf(text.join(""), 1)]) {
      const bytes = pieces.map((piece) => encoder.encode(piece));
      expect((await streamedBytes(bytes)).equals(expected)).toBe(true);
    }
  });

  it("fails on bytes that are not UTF-8, and on a truncated character", async () => {
    for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x61, 0xe2, 0x82)]) {
      expect(await thrownBy(() => streamedBytes([bytes]))).toBeInstanceOf(TypeError);
    }
  });
});
