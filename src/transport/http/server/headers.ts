/** The headers of a request of `node:http`, as they were sent: none dropped, none joined unseen. */
import type { IncomingMessage } from "node:http";
import { REFUSALS, RefusedError } from "./refusal.js";

/** How many pairs a server of Node reads when its `maxHeadersCount` is no number. */
const DEFAULT_MAX_PAIRS = 1000;

/** The part of a request that is read here. */
export type WithHeaders = Pick<IncomingMessage, "rawHeaders" | "socket">;

/**
 * The headers of one request. Nothing is read before the first question.
 *
 * Reads `rawHeaders` rather than `headersDistinct`, whose getter throws for a header `__proto__`.
 */
export class SentHeaders {
  readonly #incoming: WithHeaders;
  #values: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(incoming: WithHeaders) {
    this.#incoming = incoming;
  }

  /**
   * Returns the values of a header, in the order in which they were sent.
   *
   * @param name - In lower case.
   * @throws RefusedError Headers may be missing: the sender could have crowded this one out.
   */
  values(name: string): readonly string[] {
    this.#values ??= this.#read();
    return this.#values.get(name) ?? [];
  }

  #read(): ReadonlyMap<string, readonly string[]> {
    checkNoneDropped(this.#incoming);
    const { rawHeaders } = this.#incoming;
    const read = new Map<string, string[]>();
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const name = (rawHeaders[at] ?? "").toLowerCase();
      const value = rawHeaders[at + 1] ?? "";
      const values = read.get(name);
      if (values === undefined) read.set(name, [value]);
      else values.push(value);
    }
    return read;
  }
}

/**
 * Throws if the server may have dropped headers: Node stops collecting at a number of pairs, and does
 * not say so.
 *
 * @throws RefusedError
 */
export function checkNoneDropped({ rawHeaders, socket }: WithHeaders): void {
  const { server } = socket as { readonly server?: { readonly maxHeadersCount?: unknown } };
  const given = server?.maxHeadersCount;
  const maxPairs = typeof given === "number" ? given : DEFAULT_MAX_PAIRS;
  // Node takes what is not positive for no limit.
  if (maxPairs <= 0 || rawHeaders.length < 2 * maxPairs) return;
  throw new RefusedError(REFUSALS.tooManyHeaders);
}
