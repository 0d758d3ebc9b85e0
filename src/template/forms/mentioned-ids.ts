/** Finds ids in texts, in any encoding. The result is only reported, never used to open handles. */
import { escapedReadingsOf } from "../../primitives/readings.js";
import { withoutInvisible } from "./spelling-signs.js";

/** An id, or enough of one to be unambiguous, in either case and with either separator. */
const ID_LIKE = /hdl[_-][0-9a-f]{8}/i;
const ID_LIKE_RUN = /hdl[_-][0-9a-f]{8,64}/gi;
/** A fast test: an encoded id has the letters of its prefix, an escape, or letters that look like them. */
const MAY_MENTION = /hdl|%|\\|&|\P{ASCII}/iu;

/** A decoded id, and the start of its source in the text that was searched. */
interface Mention {
  readonly id: string;
  readonly start: number;
}

/** Returns a text with similar-looking characters unified, and without invisible ones. */
export function folded(text: string): string {
  return /\P{ASCII}/u.test(text) ? withoutInvisible(text).normalize("NFKC") : text;
}

/** Returns whether a text contains an id in any encoding: escaped, encoded, in capitals. */
export function mentionsId(text: string): boolean {
  if (!MAY_MENTION.test(text)) return false;
  for (const { text: read } of escapedReadingsOf(folded(text))) {
    if (ID_LIKE.test(read)) return true;
  }
  return false;
}

/** Yields the ids in a folded text, once for each decoding of the text. */
export function* mentionsIn(text: string): Generator<Mention> {
  if (!MAY_MENTION.test(text)) return;
  for (const { text: read, starts } of escapedReadingsOf(text)) {
    for (const { 0: id, index } of read.matchAll(ID_LIKE_RUN)) {
      yield { id, start: starts[index] ?? 0 };
    }
  }
}
