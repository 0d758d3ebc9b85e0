import { afterAll, describe, expect, it } from "vitest";
import {
  anthropicDeltas,
  type HydrationReport,
  hydrateServerSentEvents,
  hydrateStream,
  TemplateEngine,
} from "../../../src/template.js";
import { expectLinearReading } from "../../support/characters-read.js";
import { AS, countingVault, cutsOf, sealed, through } from "../scene.js";

const { vault, asked } = countingVault();
afterAll(() => vault.close());
const engine = new TemplateEngine(vault);

/** Encodings of an id that are not placeholders. */
const SPELLINGS: Readonly<Record<string, (id: string) => string>> = {
  bare: (id) => id,
  "as a URI": (id) => `handle://${id}`,
  "in one brace": (id) => `{${id}}`,
  "in capitals": (id) => id.toUpperCase(),
  "as Markdown escapes it": (id) => id.replace("_", "\\_"),
  "in a tag without an end": (id) => `<handle id="${id}">`,
  "in a tag with content": (id) => `<handle id="${id}">Ada</handle>`,
  "percent-encoded": (id) => id.replace("_", "%5F"),
  "as references of HTML": (id) => [...id].map((one) => `&#${one.charCodeAt(0)};`).join(""),
  "with characters that are not seen": (id) => id.replace("_", "_\u200b"),
  "in full-width letters": (id) =>
    [...id].map((one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0)).join(""),
};

async function streamed(pieces: readonly string[]): Promise<HydrationReport | undefined> {
  let report: HydrationReport | undefined;
  const onReport = (given: HydrationReport) => {
    report = given;
  };
  await through(pieces, hydrateStream(vault, { ...AS, onReport }));
  return report;
}

describe("an id outside every placeholder", () => {
  it.each(Object.entries(SPELLINGS))("is reported %s, and not opened", async (_, spelled) => {
    const id = await sealed(vault, "secret-canary");
    asked.length = 0;
    const text = `see ${spelled(id)} there`;
    const hydrated = await engine.hydrate(text, AS);
    expect(hydrated).toMatchObject({ text, handles: [] });
    expect(
      hydrated.unresolved.map(({ written, reason }) => [written.toLowerCase(), reason]),
    ).toEqual([[id, "no-placeholder"]]);
    expect(asked).toEqual([]);
  });

  it("is reported once, for any division of a stream, also between placeholders", async () => {
    const [id, other] = [await sealed(vault, "Ada"), await sealed(vault, "Bob")];
    const filler = "x".repeat(9000);
    for (const pieces of cutsOf(`a {{${id}}}${other}{{${id}}} b`, 1)) {
      const report = await streamed([filler, ...pieces, filler, other]);
      expect(report).toEqual({
        handles: [id],
        unresolved: [{ written: other, reason: "no-placeholder" }],
      });
    }
  });

  it("is found across every boundary between the searched parts of a long text", async () => {
    const id = `hdl_${"12345678".repeat(4)}`;
    for (let length = 7600; length < 8300; length += 7) {
      const report = await streamed(["x".repeat(length) + id + "x".repeat(9000)]);
      expect(report?.unresolved).toEqual([{ written: id, reason: "no-placeholder" }]);
    }
  });

  it("is reported for the deltas of events", async () => {
    const id = await sealed(vault, "Ada");
    const reports: HydrationReport[] = [];
    const event = (text: string) => `data: ${JSON.stringify({ index: 0, delta: { text } })}\n\n`;
    const pair = hydrateServerSentEvents(vault, {
      ...AS,
      read: anthropicDeltas,
      onReport: (report) => reports.push(report),
    });
    await through([event(id.slice(0, 9)), event(id.slice(9))], pair);
    expect(reports[0]?.unresolved).toEqual([{ written: id, reason: "no-placeholder" }]);
  });

  it("is not found in inserted text, in other words, or in an id that a placeholder names", async () => {
    const mentioned = `hdl_${"0".repeat(32)}`;
    const id = await sealed(vault, `see ${mentioned}`);
    const text = `{{${id}}} hdl_count &amp; 100% \\ é hdl_0123`;
    expect((await engine.hydrate(text, AS)).unresolved).toEqual([]);
    const options = { ...AS, onUnresolved: "keep" } as const;
    const { unresolved } = await engine.hydrate(`{{${mentioned}}}`, options);
    expect(unresolved).toHaveLength(1);
    expect(unresolved[0]).not.toMatchObject({ reason: "no-placeholder" });
  });

  it("is found in linear time, and reported at most a thousand times", async () => {
    const hydrate = async (text: string) => (await engine.hydrate(text, AS)).unresolved.length;
    await expectLinearReading(async (length) => {
      await hydrate("%68dl".repeat(length / 5));
    });
    const ids = Array.from({ length: 1200 }, (_, at) => `hdl_${String(at).padStart(32, "0")}`);
    expect(await hydrate(ids.join(" "))).toBe(1000);
  });
});
