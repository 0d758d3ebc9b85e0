/**
 * A vault behind a wire: the same methods, checks and errors as in process.
 *
 * @module
 */
import { checkBy, checkMethods, checkPrincipal, checkTtlSeconds } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import {
  HandleNotFoundError,
  OutcomeUnknownError,
  RequestTooLargeError,
  VaultClosedError,
} from "../vault/errors.js";
import {
  type HandleDescription,
  type HandleReference,
  handleIdOf,
  isHandleId,
  type OpaqueHandle,
} from "../vault/handle.js";
import { mapSettled } from "../vault/map-settled.js";
import type {
  ChangeOptions,
  Outcome,
  SealOptions,
  SealRequest,
  UnsealRequest,
  Vault,
} from "../vault/vault.js";
import { readAnswer, readDescription, readHandle, readOutcomes, readPayload } from "./answers.js";
import { askInHalves, inGroups } from "./batches.js";
import { schemas } from "./loaded-schemas.js";
import type { OperationName, RequestParams, WireOutcome } from "./messages.js";
import { MAX_BATCH } from "./operations.js";
import { type SealItem, sealItem, sealParams, unsealItem } from "./sent-params.js";
import { refusalOf } from "./unanswered.js";
import type { Wire } from "./wire.js";

/**
 * A {@link Vault} whose every method asks a service.
 *
 * Arguments are checked before anything is sent, as `HandleVault` checks them. Payloads are bytes, text
 * and JSON data, whatever serializer the vault behind the service has. A summarizer runs here; whether
 * its safe view leaks is looked at where the vault is.
 */
export class RemoteVault implements Vault {
  readonly #wire: Wire;
  #closing: Promise<void> | undefined;

  constructor(wire: Wire) {
    checkMethods(wire, "wire", ["call", "close"]);
    this.#wire = wire;
  }

  /**
   * @throws TypeError The payload is not bytes, text or JSON data; the message names the place.
   */
  async seal(data: unknown, options: SealOptions): Promise<OpaqueHandle> {
    const params = await sealParams(data, options);
    return readHandle("seal", await this.#ask("seal", params), {
      grantedPrincipals: params.granted_principals,
    });
  }

  async unseal<T = unknown>(handle: HandleReference, requestingPrincipal: string): Promise<T> {
    const handleId = handleIdOf(handle);
    checkPrincipal(requestingPrincipal, "requestingPrincipal");
    const params = { requesting_principal: requestingPrincipal };
    return readPayload(await this.#askAbout("unseal", handleId, params)) as T;
  }

  async getSafeView(handle: HandleReference): Promise<string> {
    const handleId = handleIdOf(handle);
    const answer = await this.#askAbout("get_safe_view", handleId);
    return readAnswer("get_safe_view", answer).safe_view;
  }

  async describe(handle: HandleReference, requestingPrincipal: string): Promise<HandleDescription> {
    const handleId = handleIdOf(handle);
    checkPrincipal(requestingPrincipal, "requestingPrincipal");
    const params = { requesting_principal: requestingPrincipal };
    return readDescription(await this.#askAbout("describe", handleId, params), handleId);
  }

  async invalidate(handle: HandleReference, requestingPrincipal?: string): Promise<void> {
    const handleId = handleIdOf(handle);
    if (requestingPrincipal !== undefined)
      checkPrincipal(requestingPrincipal, "requestingPrincipal");
    this.#assertOpen();
    // Nothing is stored under what is no id, and to delete nothing is no error.
    if (!isHandleId(handleId)) return;
    const params =
      requestingPrincipal === undefined ? {} : { requesting_principal: requestingPrincipal };
    readAnswer("invalidate", await this.#askAbout("invalidate", handleId, params));
  }

  async grant(
    handle: HandleReference,
    principal: string,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = handleIdOf(handle);
    checkPrincipal(principal, "principal");
    const params = { principal, by: checkBy(options) };
    return this.#change("grant", handleId, params);
  }

  async revoke(
    handle: HandleReference,
    principal: string,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = handleIdOf(handle);
    checkPrincipal(principal, "principal");
    const params = { principal, by: checkBy(options) };
    return this.#change("revoke", handleId, params);
  }

  async renew(
    handle: HandleReference,
    ttlSeconds: number,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = handleIdOf(handle);
    checkTtlSeconds(ttlSeconds, "ttlSeconds");
    const params = { ttl_seconds: ttlSeconds, by: checkBy(options) };
    return this.#change("renew", handleId, params);
  }

  /** Seals many payloads in as few requests as hold them; a request that fails fails its items. */
  async sealMany(requests: readonly SealRequest[]): Promise<Outcome<OpaqueHandle>[]> {
    return prepared(requests, sealItem, async (items) => {
      const outcomes: Outcome<OpaqueHandle>[] = [];
      for (const group of inGroups(items, MAX_BATCH)) {
        outcomes.push(...(await askInHalves(group, (some) => this.#sealGroup(some))));
      }
      return outcomes;
    });
  }

  /** Unseals many handles in as few requests as hold them; a request that fails fails its items. */
  async unsealMany<T = unknown>(requests: readonly UnsealRequest[]): Promise<Outcome<T>[]> {
    return prepared(requests, unsealItem, (items) => this.#unsealAll<T>(items));
  }

  /** Fulfills when the service answers; it needs no credential. */
  async health(): Promise<void> {
    readAnswer("health", await this.#ask("health", {}));
  }

  /**
   * Returns the same vault for calls that `signal` gives up. Closing it leaves the connection open.
   *
   * @example
   * ```ts
   * await vault.withSignal(AbortSignal.timeout(500)).unseal(handle.id, principal);
   * ```
   */
  withSignal(signal: AbortSignal): Vault {
    if (!(signal instanceof AbortSignal)) throw new TypeError("signal must be an AbortSignal");
    return new RemoteVault({
      call: async (operation, params) => {
        this.#assertOpen();
        return this.#wire.call(operation, params, { signal });
      },
      close: async () => undefined,
    });
  }

  /** Closes the connection only; the vault behind the service stays open. */
  async close(): Promise<void> {
    this.#closing ??= this.#wire.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new VaultClosedError();
  }

  async #ask(operation: OperationName, params: object): Promise<unknown> {
    this.#assertOpen();
    // An answer that could not be read would be of something that was done.
    await schemas.ready();
    return this.#wire.call(operation, params);
  }

  async #askAbout(operation: OperationName, id: string, params: object = {}): Promise<unknown> {
    this.#assertOpen();
    if (!isHandleId(id)) throw new HandleNotFoundError();
    return this.#ask(operation, { id, ...params });
  }

  async #change(
    operation: "grant" | "revoke" | "renew",
    id: string,
    params: object,
  ): Promise<OpaqueHandle> {
    return readHandle(operation, await this.#askAbout(operation, id, params), { id });
  }

  async #sealGroup(items: readonly SealItem[]): Promise<Outcome<OpaqueHandle>[]> {
    const requests = items.map(({ params }) => params);
    const answer = await this.#ask("seal_many", { requests });
    return readOutcomes("seal_many", answer, items.length).map((outcome, index) =>
      toOutcome("seal_many", outcome, (value) => {
        return readHandle("seal", value, {
          grantedPrincipals: requests[index]?.granted_principals,
        });
      }),
    );
  }

  async #unsealGroup<T>(requests: readonly RequestParams[]): Promise<Outcome<T>[]> {
    const answer = await this.#ask("unseal_many", { requests });
    return readOutcomes("unseal_many", answer, requests.length).map((outcome) =>
      toOutcome("unseal_many", outcome, (value) => readPayload(value) as T),
    );
  }

  /** A service hands out only so much at once: what it refused for that alone is asked for again. */
  async #unsealAll<T>(items: readonly RequestParams[]): Promise<Outcome<T>[]> {
    const outcomes: Outcome<T>[] = [];
    let pending = [...items.entries()];
    while (pending.length > 0) {
      const group = pending.slice(0, MAX_BATCH);
      const requests = group.map(([, params]) => params);
      const answers = await askInHalves(requests, (some) => this.#unsealGroup<T>(some));
      const refused: typeof group = [];
      for (const [place, outcome] of answers.entries()) {
        const item = group[place];
        if (item === undefined) continue;
        outcomes[item[0]] = outcome;
        if (isTooMuch(outcome)) refused.push(item);
      }
      const hasMoved = refused.length < group.length;
      pending = [...(hasMoved ? refused : []), ...pending.slice(MAX_BATCH)];
    }
    return outcomes;
  }
}

/** Prepares every item, sends those that can be, and says in their order what became of each. */
async function prepared<Item, Sent, T>(
  items: readonly Item[],
  prepare: (item: Item) => MaybePromise<Sent>,
  send: (items: readonly Sent[]) => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> {
  const preparations = await mapSettled(items, async (item) => prepare(item));
  const ready = preparations.flatMap((one) => (one.ok ? [one.value] : []));
  const answers = (await send(ready)).values();
  return preparations.map((one) => (one.ok ? (answers.next().value ?? lost()) : one));
}

function lost(): Outcome<never> {
  return { ok: false, error: new OutcomeUnknownError() };
}

function toOutcome<T>(
  operation: "seal_many" | "unseal_many",
  outcome: WireOutcome<unknown>,
  read: (value: unknown) => T,
): Outcome<T> {
  if (!outcome.ok) return { ok: false, error: refusalOf(operation, outcome.error, {}) };
  try {
    return { ok: true, value: read(outcome.value) };
  } catch (error) {
    return { ok: false, error };
  }
}

function isTooMuch(outcome: Outcome<unknown>): boolean {
  return !outcome.ok && outcome.error instanceof RequestTooLargeError;
}
