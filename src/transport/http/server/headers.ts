/** The headers of a `node:http` request exactly as sent: none is silently dropped or joined. */
import type { IncomingMessage } from "node:http";
import { REFUSALS, RefusedError } from "./refusal.js";

/** The number of pairs that a Node server reads when its `maxHeadersCount` is not a number. */
const DEFAULT_MAX_PAIRS = 1000;

/** The part of a request that is read here. */
export type WithHeaders = Pick<IncomingMessage, "rawHeaders" | "socket">;

/**
 * The headers of one request. They are parsed at the first call.
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
   * @throws RefusedError Headers may be missing: the sender could have pushed this one over Node's limit.
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
 * Throws if the server may have dropped headers: Node silently stops collecting them at a number of pairs.
 *
 * @throws RefusedError
 */
export function checkNoneDropped({ rawHeaders, socket }: WithHeaders): void {
  const { server } = socket as { readonly server?: { readonly maxHeadersCount?: unknown } };
  const given = server?.maxHeadersCount;
  const maxPairs = typeof given === "number" ? given : DEFAULT_MAX_PAIRS;
  // Node treats a number that is not positive as no limit.
  if (maxPairs <= 0 || rawHeaders.length < 2 * maxPairs) return;
  throw new RefusedError(REFUSALS.tooManyHeaders);
}
