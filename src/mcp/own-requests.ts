/** The requests that are asked of a server on nobody's behalf, before a client may go on. */
import { isObject, type JsonObject, type RequestId, type RequestMessage } from "./messages.js";

type Answered = (result: JsonObject | undefined) => void;

/** Gives each request an id that no client's request has: those are numbers. */
export class OwnRequests {
  readonly #waiting = new Map<RequestId, Answered>();
  #latest = 0;

  /** Returns the result; `undefined` where the server answers with an error, or cannot be asked. */
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

  /** Tells whether a message answers such a request; then it is nobody else's. */
  take(message: unknown): boolean {
    if (!isObject(message) || Object.hasOwn(message, "method")) return false;
    const { id, result } = message as { readonly id?: RequestId; readonly result?: unknown };
    const answered = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || answered === undefined) return false;
    this.#waiting.delete(id);
    answered(isObject(result) ? result : undefined);
    return true;
  }

  /** Ends all requests: they get no answer. */
  endAll(): void {
    for (const id of [...this.#waiting.keys()]) this.take({ id });
  }
}
