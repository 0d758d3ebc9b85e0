import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  anthropicDeltas,
  type HydrateServerSentEventsOptions,
  hydrateDeltas,
  hydrateServerSentEvents,
  openAiDeltas,
} from "../../../src/template.js";
import { readEvents } from "../../support/foreign-events.js";
import { thrownBy } from "../../support/refusals.js";
import { AS, countingVault, cutsOf, sealed, through } from "../scene.js";

const { vault, asked } = countingVault();
afterAll(() => vault.close());

interface TestEvent {
  readonly texts?: Readonly<Record<string, string>>;
  readonly ends?: readonly string[] | "all";
  readonly id?: number;
}

function deltasOf(events: readonly TestEvent[], options = {}): Promise<TestEvent[]> {
  const pair = hydrateDeltas<TestEvent>(vault, {
    ...AS,
    ...options,
    read: ({ texts = {}, ends }) => ({
      deltas: Object.entries(texts).map(([key, text]) => ({ key, text })),
      ends,
    }),
    write: (event, texts) => ({
      ...event,
      texts: Object.fromEntries(
        Object.keys(event.texts ?? {}).map((key, place) => [key, texts[place] ?? ""]),
      ),
    }),
  });
  return through(events, pair);
}

function textOf(events: readonly TestEvent[], key: string): string {
  return events.map(({ texts }) => texts?.[key] ?? "").join("");
}

describe("hydrateDeltas", () => {
  it("hydrates a placeholder that spans events, for every cut of two texts at once", async () => {
    const id = await sealed(vault, "Ada");
    for (const [first = "", second = ""] of cutsOf(`{{${id}}}{`, 1)) {
      const events = [{ texts: { a: first, b: "b1" } }, { texts: { b: "b2", a: second } }];
      const outputs = await deltasOf(events);
      expect(textOf(outputs, "a")).toBe("Ada{");
      expect(textOf(outputs, "b")).toBe("b1b2");
    }
  });

  it("passes events without deltas, and deltas without placeholders, unchanged", async () => {
    const events = [{ id: 1 }, { id: 2, texts: { a: "x" } }];
    const outputs = await deltasOf(events);
    expect(outputs[0]).toBe(events[0]);
    expect(outputs[1]).toBe(events[1]);
  });

  it("sends held-back text before the event that ends it, or within that event", async () => {
    const outputs = await deltasOf([
      { texts: { a: "x{", "a/b": "y<" } },
      { texts: { other: "{" } },
      { ends: ["a"] },
      { texts: { other: "<" }, ends: ["other"] },
    ]);
    expect(outputs).toEqual([
      { texts: { a: "x", "a/b": "y" } },
      { texts: { other: "" } },
      { texts: { a: "{", "a/b": "" } },
      { texts: { a: "", "a/b": "<" } },
      { ends: ["a"] },
      { texts: { other: "{<" }, ends: ["other"] },
    ]);
  });

  it("sends the held-back text of every text before an event that ends them all", async () => {
    const outputs = await deltasOf([{ texts: { a: "x{", b: "y<" } }, { ends: "all" }]);
    expect(outputs.at(-1)).toEqual({ ends: "all" });
    expect([textOf(outputs, "a"), textOf(outputs, "b")]).toEqual(["x{", "y<"]);
  });

  it("does not join texts of different keys, nor a text with a later one of its key", async () => {
    const id = await sealed(vault, "secret-canary");
    const [head, tail] = [`{{${id}`, "}}"];
    expect(
      await thrownBy(() => deltasOf([{ texts: { a: head } }, { texts: { b: tail } }])),
    ).toMatchObject({
      reason: "incomplete-placeholder",
    });
    const events = [{ texts: { a: "{" }, ends: ["a"] }, { texts: { a: `{${id}}}` } }];
    expect(textOf(await deltasOf(events), "a")).toBe(`{{${id}}}`);
  });

  it("opens each handle once for all texts of a stream", async () => {
    const id = await sealed(vault, "Ada", { maxUses: 1 });
    asked.length = 0;
    const texts = { a: `{{${id}}}`, b: `{{${id}}}` };
    expect(await deltasOf([{ texts }])).toEqual([{ texts: { a: "Ada", b: "Ada" } }]);
    expect(asked).toEqual([[id]]);
  });

  it("applies the options to a text with its own format", async () => {
    const id = await sealed(vault, 'say "x"');
    const pair = hydrateDeltas<string>(vault, {
      ...AS,
      tagNames: ["sealed"],
      maxOutputLength: 20,
      read: (text) => ({ deltas: [{ key: "a", text, format: "json-string" }] }),
      write: (_, [text = ""]) => text,
    });
    const text = `"<sealed id='${id}'/>" {{x`;
    expect((await through([text], pair)).join("")).toBe('"say \\"x\\"" {{x');
    const long = hydrateDeltas<string>(vault, {
      ...AS,
      maxOutputLength: 20,
      read: (piece) => ({ deltas: [{ key: "a", text: piece, format: "json" }] }),
      write: (_, [piece = ""]) => piece,
    });
    expect(await thrownBy(() => through(["x".repeat(21)], long))).toMatchObject({
      reason: "output-too-large",
    });
  });

  it("limits the number of open texts", async () => {
    const events = Array.from({ length: 1025 }, (_, index) => ({ texts: { [`k${index}`]: "x" } }));
    expect(await thrownBy(() => deltasOf(events))).toBeInstanceOf(RangeError);
    expect(await deltasOf(events.slice(1))).toHaveLength(1024);
  });
});

type Read = HydrateServerSentEventsOptions["read"];

async function sse(pieces: readonly string[], read: Read): Promise<string> {
  const options = { ...AS, read };
  return (await through(pieces, hydrateServerSentEvents(vault, options))).join("");
}

/** Returns the data of events, parsed where they are JSON. */
function dataOf(text: string): unknown[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) =>
    data.startsWith("{") ? JSON.parse(data) : data,
  );
}

describe("hydrateServerSentEvents", () => {
  const event = (data: object, type = "x") => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

  it("hydrates Anthropic's text and tool arguments, each within its content block", async () => {
    const id = await sealed(vault, 'Ada "A"');
    const delta = (index: number, type: string, name: string, text: string) =>
      event({ type: "content_block_delta", index, delta: { type, [name]: text } });
    const text = [
      event({ type: "message_start" }),
      delta(0, "text_delta", "text", `Dear {{${id.slice(0, 9)}`),
      ": ping\n\n",
      delta(0, "text_delta", "text", `${id.slice(9)}}}! {`),
      event({ type: "content_block_stop", index: 0 }),
      delta(1, "input_json_delta", "partial_json", `{"to": "{`),
      delta(1, "input_json_delta", "partial_json", `{${id}}}"}`),
      event({ type: "content_block_stop", index: 1 }),
    ].join("");
    const output = await sse([text], anthropicDeltas);
    const data = dataOf(output) as { index: number; delta?: Record<string, string> }[];
    const joined = (index: number, name: string) =>
      data.flatMap((item) => (item.index === index ? (item.delta?.[name] ?? "") : "")).join("");
    expect(joined(0, "text")).toBe('Dear Ada "A"! {');
    expect(JSON.parse(joined(1, "partial_json"))).toEqual({ to: 'Ada "A"' });
    expect(output).toContain(": ping\n\n");
    expect(output.startsWith(event({ type: "message_start" }))).toBe(true);
    const stops = data.map((item) => item.delta === undefined);
    expect(stops).toEqual([true, false, false, false, true, false, false, true]);
  });

  it("opens no handle in names and structure of tool arguments", async () => {
    const id = await sealed(vault, "1,2,3");
    const tool = (text: string) => ({ index: 0, function: { arguments: text } });
    const events = {
      anthropic: (text: string) => event({ index: 0, delta: { partial_json: text } }),
      openai: (text: string) =>
        event({ choices: [{ index: 0, delta: { tool_calls: [tool(text)] } }] }),
    };
    asked.length = 0;
    for (const text of [`{"ids":[{{${id}}}]}`, `{"{{${id}}}":1}`]) {
      for (const pieces of cutsOf(text, 1)) {
        const refusal = { reason: "unresolved-handles" };
        const anthropic = pieces.map(events.anthropic);
        expect(await thrownBy(() => sse(anthropic, anthropicDeltas))).toMatchObject(refusal);
        const openAi = pieces.map(events.openai);
        expect(await thrownBy(() => sse(openAi, openAiDeltas))).toMatchObject(refusal);
      }
    }
    expect(asked).toEqual([]);
  });

  it("hydrates OpenAI's content and tool calls, each within its choice", async () => {
    const id = await sealed(vault, "Ada");
    const chunk = (index: number, delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index, delta, finish_reason: finish }] })}\n\n`;
    const call = (index: number, text: string) => ({
      tool_calls: [{ index, function: { arguments: text } }],
    });
    const text = [
      chunk(0, { role: "assistant", content: "" }),
      chunk(0, { content: `{{${id.slice(0, 20)}` }),
      chunk(1, { content: "other" }),
      chunk(0, { content: `${id.slice(20)}}}<` }),
      chunk(1, call(0, `{"a":"{{${id}#}}`)),
      chunk(1, call(0, `"}`)),
      chunk(0, {}, "stop"),
      chunk(1, {}, "tool_calls"),
      "data: [DONE]\n\n",
    ].join("");
    const output = await sse([text], openAiDeltas);
    const choices = dataOf(output).flatMap((data) =>
      typeof data === "string"
        ? []
        : (data as { choices: { index: number; delta: object }[] }).choices,
    );
    const textOfChoice = (index: number) =>
      choices
        .filter((choice) => choice.index === index)
        .map(({ delta }) => (delta as { content?: string }).content ?? "")
        .join("");
    expect(textOfChoice(0)).toBe("Ada<");
    expect(textOfChoice(1)).toBe("other");
    expect(JSON.stringify(choices)).toContain('{\\"a\\":\\"Ada');
    expect(output.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("gives the same result for any division of the stream and every kind of line end", async () => {
    const id = await sealed(vault, "Ada");
    const read: Read = () => ({ deltas: [{ key: "a", at: "/t" }] });
    for (const end of ["\n", "\r\n", "\r"]) {
      const lines = [
        "id: 7",
        `data: {"t":`,
        `data: "{{${id}}}"}`,
        "",
        'data: {"t":"b"}',
        "",
        "data: x",
      ];
      const text = lines.join(end);
      const expected = `id: 7\ndata: {"t":"Ada"}\n\ndata: {"t":"b"}${end}${end}data: x`;
      for (const pieces of cutsOf(text, 1)) expect(await sse(pieces, read)).toBe(expected);
    }
  });

  it("passes events unchanged if their data is not JSON, or has no text at the place", async () => {
    const text = 'data: {{not json\n\ndata: {"t":1}\n\ndatabase: {"t":"x"}\n\nretry: 1\n\n';
    expect(await sse([text], () => ({ deltas: [{ key: "a", at: "/t" }] }))).toBe(text);
  });

  it("hydrates data that is itself a string", async () => {
    const id = await sealed(vault, "Ada");
    const text = `data: "{{${id}}}"\n\n`;
    expect(await sse([text], () => ({ deltas: [{ key: "a", at: "" }] }))).toBe('data: "Ada"\n\n');
  });

  it("hydrates in order, for every kind of line end and any division into chunks", async () => {
    const id = await sealed(vault, "Ada\u2028 L.");
    const lineEnds = ["\n", "\r", "\r\n"];
    const blankLines = lineEnds.flatMap((end) => lineEnds.map((blank) => end + blank));
    const part = fc.constantFrom(
      `{{${id}}}`,
      "\u2028",
      "\u2029",
      "\u0085",
      "{",
      "<",
      "x",
      "\uFEFF",
    );
    const shape = fc.record({
      texts: fc.array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
      lineEnd: fc.constantFrom(...lineEnds),
      blankLine: fc.constantFrom(...blankLines.filter((end) => end !== "\r\n")),
      mark: fc.constantFrom("", "\uFEFF"),
      size: fc.integer({ min: 1, max: 40 }),
    });
    const property = fc.asyncProperty(shape, async (drawn) => {
      const { texts, lineEnd, blankLine, mark, size } = drawn;
      const data = texts.map((parts) =>
        JSON.stringify({ index: 0, delta: { text: parts.join("") } }),
      );
      const events = [...data, "[DONE]"].map(
        (text, place) => `id: ${place}${lineEnd}data: ${text}${blankLine}`,
      );
      const pieces = (mark + events.join("")).match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      const outputs = readEvents(await sse(pieces, anthropicDeltas));
      const output = outputs.slice(0, -1).map((item) => JSON.parse(item.data).delta.text);
      expect(output.join("")).toBe(texts.flat().join("").replaceAll(`{{${id}}}`, "Ada\u2028 L."));
      expect(outputs.at(-1)).toMatchObject({ data: "[DONE]", id: `${texts.length}` });
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it.each([
    ["[DONE]", openAiDeltas, { choices: [{ index: 0, delta: { content: "x{" } }] }],
    ['{"type":"message_stop"}', anthropicDeltas, { index: 0, delta: { text: "x{" } }],
  ])("sends held-back text before %s", async (last, read, data) => {
    const output = await sse([`data: ${JSON.stringify(data)}\n\ndata: ${last}\n\n`], read);
    expect(output.match(/^data: .*$/gm)?.at(-1)).toBe(`data: ${last}`);
    expect(output).toContain('"{"');
  });

  it("fails on a placeholder that is cut off, and on an event without an end", async () => {
    const read: Read = () => ({ deltas: [{ key: "a", at: "/t" }] });
    expect(await thrownBy(() => sse(['data: {"t":"{{hdl_"}\n\n'], read))).toMatchObject({
      reason: "incomplete-placeholder",
    });
    expect(await thrownBy(() => sse(["x".repeat(2 ** 20), "x"], read))).toBeInstanceOf(RangeError);
  });
});
