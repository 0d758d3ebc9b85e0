/** Ids in texts, in whatever spelling: to find them, never to open what they stand for. */
import { escapedReadingsOf } from "../primitives/readings.js";
import { withoutInvisible } from "./spelling-signs.js";

/** An id, or so much of one that it can be nothing else, in any case and with any dash. */
const ID_LIKE = /hdl[_-][0-9a-f]{8}/i;
const ID_LIKE_RUN = /hdl[_-][0-9a-f]{8,64}/gi;
/** An id in any spelling has a letter of its prefix as it is, or an escape, or letters that look like it. */
const MAY_MENTION = /hdl|%|\\|&|\P{ASCII}/iu;

/** An id as it is read, and where its source begins in the text that was searched. */
interface Mention {
  readonly id: string;
  readonly start: number;
}

/** Returns a text with signs that look alike in one form, and without those that are not seen. */
export function folded(text: string): string {
  return /\P{ASCII}/u.test(text) ? withoutInvisible(text).normalize("NFKC") : text;
}

/** Returns whether a text holds an id in any spelling: escaped, encoded, in capitals. */
export function mentionsId(text: string): boolean {
  if (!MAY_MENTION.test(text)) return false;
  for (const { text: read } of escapedReadingsOf(folded(text))) {
    if (ID_LIKE.test(read)) return true;
  }
  return false;
}

/** Returns the ids that a folded text holds, once for each way to read them. */
export function* mentionsIn(text: string): Generator<Mention> {
  if (!MAY_MENTION.test(text)) return;
  for (const { text: read, starts } of escapedReadingsOf(text)) {
    for (const { 0: id, index } of read.matchAll(ID_LIKE_RUN)) {
      yield { id, start: starts[index] ?? 0 };
    }
  }
}
