/** Requests that were sent and have no response yet. */

const DIGITS = /^[1-9]\d{0,15}$/;

/**
 * The pending requests of one direction of a connection, each under a number that is used only once. A
 * response is therefore matched to its own request, even if the sender uses an id twice or it is late.
 */
export class PendingRequests<Request> {
  readonly #pending = new Map<number, Request>();
  #latest = 0;

  get size(): number {
    return this.#pending.size;
  }

  /** Returns the ids of the pending requests. */
  ids(): readonly number[] {
    return [...this.#pending.keys()];
  }

  /** Adds a request, and returns its id. */
  add(request: Request): number {
    this.#latest += 1;
    this.#pending.set(this.#latest, request);
    return this.#latest;
  }

  /** Returns a request by its id, which some peers send back as a text. */
  get(id: unknown): Request | undefined {
    return this.#pending.get(asNumber(id));
  }

  /** Removes a request, and returns it. */
  take(id: unknown): Request | undefined {
    const request = this.get(id);
    this.#pending.delete(asNumber(id));
    return request;
  }

  /** Returns the id of the latest request that fits. */
  findLast(fits: (request: Request) => boolean): number | undefined {
    return [...this.#pending].findLast(([, request]) => fits(request))?.[0];
  }

  /** Removes the oldest requests until at most `count` are left. */
  shrinkTo(count: number): void {
    for (const id of this.#pending.keys()) {
      if (this.#pending.size <= count) return;
      this.#pending.delete(id);
    }
  }
}

function asNumber(id: unknown): number {
  if (typeof id === "number") return id;
  return typeof id === "string" && DIGITS.test(id) ? Number(id) : Number.NaN;
}
