import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NearMisses } from "../../../src/template/forms/near-misses.js";

const ID = "hdl_0123456789abcdef0123456789abcdef";
const hex = fc.constantFrom(..."0123456789abcdef");
const anyId = fc
  .array(hex, { minLength: 32, maxLength: 32 })
  .map((digits) => `hdl_${digits.join("")}`);

function nearMissOf(id: string, known: Iterable<string>): string | undefined {
  return new NearMisses(known).suggestionFor(id);
}

/** Returns a text with one change, whose position and character are given as numbers. */
function changed(text: string, [kind, place, digit]: readonly [number, number, string]): string {
  const at = place % (text.length + 1);
  const rest = text.slice(at + (kind === 1 ? 0 : 1));
  return text.slice(0, at) + (kind === 0 ? "" : digit) + rest;
}

describe("near misses", () => {
  it("finds an id with up to three changes among other ids", () => {
    const change = fc.tuple(fc.nat(2), fc.nat(), hex);
    const changes = fc.array(change, { maxLength: 3 });
    const property = fc.property(anyId, fc.array(anyId), changes, (id, others, edits) => {
      expect(nearMissOf(edits.reduce(changed, id), [...others, id])).toBe(id);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("finds no id that has more changes, and none of two that are equally near", () => {
    expect(nearMissOf(ID.slice(4), [ID])).toBeUndefined();
    expect(nearMissOf(`${ID}0123`, [ID])).toBeUndefined();
    expect(nearMissOf(`${ID.slice(0, -4)}0000`, [ID])).toBeUndefined();
    expect(nearMissOf(ID, [`${ID.slice(0, -1)}0`, `${ID.slice(0, -1)}1`])).toBeUndefined();
    expect(nearMissOf(ID, [])).toBeUndefined();
  });

  it("compares at most a thousand ids, and reads no more", () => {
    let taken = 0;
    function* known() {
      for (;;) {
        taken += 1;
        yield `hdl_${"f".repeat(32)}`;
      }
    }
    expect(nearMissOf(ID, known())).toBeUndefined();
    expect(taken).toBe(1000);
  });

  it("take at most ten thousand comparisons for one text, each with all known ids", () => {
    const known = [...Array.from({ length: 998 }, () => `hdl_${"f".repeat(32)}`), ID];
    const nearMisses = new NearMisses(known);
    const mangled = ID.slice(0, -1);
    const suggestions = Array.from({ length: 1000 }, () => nearMisses.suggestionFor(mangled));
    expect(suggestions.slice(0, 10)).toEqual(new Array(10).fill(ID));
    expect(suggestions.slice(10)).toEqual(new Array(990).fill(undefined));
  });
});
