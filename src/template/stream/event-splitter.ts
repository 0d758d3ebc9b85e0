/** The maximum length of an event, in characters. */
const MAX_EVENT_LENGTH = 1024 * 1024;
/** Lines end with CRLF, LF or CR, and with no other character: U+2028 is part of a line. */
const BLANK_LINE = /\r\n(?:\r\n|\n|\r)|(?:\n|\r(?!\n))[\n\r]/g;
/** The end of a chunk that may be the first three characters of two CRLF. */
const HALF_BLANK_LINE = "\r\n\r";
const BYTE_ORDER_MARK = "\uFEFF";
/** The maximum number of characters of a blank line that may be in earlier chunks. */
const MAX_SEAM_LENGTH = 3;

/**
 * Splits a stream of server-sent events into events, each with the blank line that ends it. The time is
 * linear in the text, for any division into chunks. A byte order mark at the start is removed.
 *
 * If a line ends with LF or CR and a CR follows, that CR ends the event immediately. If an LF comes next, it
 * belongs to the next event.
 *
 * Source: HTML Living Standard, 9.2.5 (parsing an event stream).
 */
export class EventSplitter {
  /** The chunks of the current event. */
  #pieces: string[] = [];
  #length = 0;
  /** The end of the current event's text, in which a blank line may have begun. */
  #seam = "";
  /** A CR that is held back until the character after it has arrived. */
  #carried = "";
  #isAtStart = true;

  /**
   * Reads one more chunk and returns the events that end in it.
   *
   * @throws RangeError An event is longer than 1,048,576 characters.
   */
  push(piece: string): string[] {
    const seamLength = this.#seam.length;
    const text = this.#withoutHalf(this.#seam + this.#carried + this.#withoutMark(piece));
    const events: string[] = [];
    let start = seamLength;
    for (const { 0: blankLine, index } of text.matchAll(BLANK_LINE)) {
      const end = index + blankLine.length;
      events.push(this.#take() + text.slice(start, end));
      start = end;
    }
    this.#hold(text.slice(start));
    this.#seam = text.slice(events.length === 0 ? 0 : start).slice(-MAX_SEAM_LENGTH);
    return events;
  }

  /** Returns the rest of the text, which no blank line ended; empty if there is none. */
  end(): string {
    return this.#take() + this.#carried;
  }

  #withoutHalf(text: string): string {
    const isHalf = text.endsWith(HALF_BLANK_LINE);
    this.#carried = isHalf ? "\r" : "";
    return isHalf ? text.slice(0, -1) : text;
  }

  #withoutMark(piece: string): string {
    if (!this.#isAtStart || piece === "") return piece;
    this.#isAtStart = false;
    return piece.startsWith(BYTE_ORDER_MARK) ? piece.slice(1) : piece;
  }

  #hold(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
    if (this.#length > MAX_EVENT_LENGTH) throw new RangeError("an event is too long");
  }

  #take(): string {
    const event = this.#pieces.join("");
    this.#pieces = [];
    this.#length = 0;
    return event;
  }
}
