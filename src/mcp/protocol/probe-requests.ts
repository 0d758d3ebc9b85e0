/** Requests that this library sends to a server before a client may send any. */
import { isObject, type JsonObject, type RequestMessage } from "./messages.js";
import { PendingRequests } from "./pending-requests.js";

const PREFIX = "handlevault-";

/**
 * Gives each request a text as its id. The ids of clients' requests are numbers, so they cannot be
 * equal.
 */
export class ProbeRequests {
  readonly #pending = new PendingRequests<(result: JsonObject | undefined) => void>();

  /**
   * Sends a request and returns its result, or `undefined` if the server responds with an error or
   * sending fails.
   */
  ask(
    method: string,
    params: JsonObject,
    send: (message: RequestMessage) => unknown,
  ): Promise<JsonObject | undefined> {
    return new Promise((resolve) => {
      const number = this.#pending.add(resolve);
      const fail = () => this.#settle(number, undefined);
      const message = { jsonrpc: "2.0", id: PREFIX + number, method, params } as const;
      void Promise.resolve(send(message)).catch(fail);
    });
  }

  /**
   * Returns whether a message is a response to one of these requests. Such a message is not
   * forwarded.
   */
  take(message: unknown): boolean {
    if (!isObject(message) || Object.hasOwn(message, "method")) return false;
    const { id, result } = message as { readonly id?: unknown; readonly result?: unknown };
    const isProbe = typeof id === "string" && id.startsWith(PREFIX);
    return isProbe && this.#settle(id.slice(PREFIX.length), isObject(result) ? result : undefined);
  }

  /** Ends all pending requests without a result. */
  endAll(): void {
    for (const number of this.#pending.ids()) this.#settle(number, undefined);
  }

  #settle(number: unknown, result: JsonObject | undefined): boolean {
    const resolve = this.#pending.take(number);
    resolve?.(result);
    return resolve !== undefined;
  }
}
