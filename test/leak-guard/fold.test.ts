import { describe, expect, it } from "vitest";
import { fold } from "../../src/leak-guard/fold.js";

const MARKS = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

function* unicode(): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code < 0xd800 || code > 0xdfff) yield String.fromCodePoint(code);
  }
}

describe("folding", () => {
  it("removes case, marks and compatible forms of each character", () => {
    for (const character of unicode()) {
      if (/\p{Nd}/u.test(character)) continue;
      const upper = character.normalize("NFKD").toUpperCase();
      const expected = upper.replace(MARKS, "").toUpperCase();
      if (fold(character) !== expected) expect.fail(`U+${character.codePointAt(0)?.toString(16)}`);
    }
  });

  it("folds a long text like its characters, at every position", () => {
    const characters = ["a", "é", "ﬁ", "😀", "𝟘", "字", "ß", "e\u0301", " "];
    for (const shift of [0, 1, 2, 3]) {
      const text = ".".repeat(shift) + characters.join("").repeat(5000);
      const folded = Array.from(text, fold).join("");
      expect(fold(text) === folded).toBe(true);
    }
  });
});
