/** Requests that this library sends to a server before a client may send any. */
import { isObject, type JsonObject, type RequestId, type RequestMessage } from "./messages.js";

type Answered = (result: JsonObject | undefined) => void;

/**
 * Gives each request a text as its id. The ids of clients' requests are numbers, so they cannot be
 * equal.
 */
export class OwnRequests {
  readonly #waiting = new Map<RequestId, Answered>();
  #latest = 0;

  /**
   * Sends a request and returns its result, or `undefined` if the server responds with an error or
   * sending fails.
   */
  ask(
    method: string,
    params: JsonObject,
    send: (message: RequestMessage) => unknown,
  ): Promise<JsonObject | undefined> {
    this.#latest += 1;
    const id = `handlevault-${this.#latest}`;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      const give = () => this.take({ id });
      void Promise.resolve(send({ jsonrpc: "2.0", id, method, params })).catch(give);
    });
  }

  /**
   * Returns whether a message is a response to one of these requests. Such a message is not
   * forwarded.
   */
  take(message: unknown): boolean {
    if (!isObject(message) || Object.hasOwn(message, "method")) return false;
    const { id, result } = message as { readonly id?: RequestId; readonly result?: unknown };
    const answered = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || answered === undefined) return false;
    this.#waiting.delete(id);
    answered(isObject(result) ? result : undefined);
    return true;
  }

  /** Ends all pending requests without a result. */
  endAll(): void {
    for (const id of [...this.#waiting.keys()]) this.take({ id });
  }
}
