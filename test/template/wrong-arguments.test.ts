import { describe, expect, it } from "vitest";
import {
  hydrateDeltas,
  hydrateServerSentEvents,
  hydrateStream,
  TemplateEngine,
} from "../../src/template.js";
import { AS, countingVault, through, UNKNOWN_ID } from "./scene.js";

const { vault, asked } = countingVault();
const engine = new TemplateEngine(vault);
const read = () => undefined;
const write = (event: unknown) => event;

/** Mistakes that a program without types may make, and the messages for them. */
const MISTAKES: readonly [string, () => unknown][] = [
  ["text must be a string", () => engine.hydrate(5 as never, { ...AS, allow: [] })],
  ["text must be a string", () => engine.render(undefined as never, new Map())],
  [
    "validators must be an array",
    () => new TemplateEngine(vault, { validators: (() => true) as never }),
  ],
  ["read must be a function", () => hydrateDeltas(vault, { ...AS, write } as never)],
  ["write must be a function", () => hydrateDeltas(vault, { ...AS, read } as never)],
  ["read must be a function", () => hydrateServerSentEvents(vault, { ...AS } as never)],
  ["every piece must be a string", () => through([5 as never], hydrateStream(vault, AS))],
  [
    "at must be a JSON pointer",
    () => {
      const wrong = () => ({ deltas: [{ key: "a", at: "no pointer" }] });
      return through(["data: {}\n\n"], hydrateServerSentEvents(vault, { ...AS, read: wrong }));
    },
  ],
];

describe("a wrong argument", () => {
  it.each(MISTAKES)("is refused before a handle is opened: %s", async (message, call) => {
    await expect(async () => call()).rejects.toThrow(new TypeError(message));
    expect(asked).toEqual([]);
  });

  it("includes a `stringify` that does not return text: its result is not inserted", () => {
    const careless = new TemplateEngine(vault, { stringify: (() => 5) as never });
    expect(() => careless.render(`{{${UNKNOWN_ID}}}`, new Map([[UNKNOWN_ID, "payload"]]))).toThrow(
      expect.objectContaining({ name: "HydrationError" }),
    );
  });
});
