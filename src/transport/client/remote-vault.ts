/**
 * A vault behind a wire: the same methods, checks and errors as in process.
 *
 * @module
 */

import { isAbortSignal } from "../../primitives/kinds.js";
import { checkMethods } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import {
  HandleNotFoundError,
  isVaultError,
  OutcomeUnknownError,
  VaultClosedError,
} from "../../vault/errors.js";
import { isHandleId, type OpaqueHandle } from "../../vault/handle.js";
import { mapSettled } from "../../vault/map-settled.js";
import type { Outcome, SealRequest, UnsealRequest, Vault } from "../../vault/vault.js";
import { schemas } from "../service/loaded-schemas.js";
import type { RequestParams, SealParams, WireOutcome } from "../service/messages.js";
import { type SealItem, sealItem, unsealItem } from "../service/method-params.js";
import { handleOf, payloadOf } from "../service/method-results.js";
import {
  MAX_BATCH,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
  type RemoteMethod,
} from "../service/operations.js";
import { askInHalves, inGroups } from "./batches.js";
import { refusalOf } from "./lost-response.js";
import { readOutcomes, readResult } from "./parse-results.js";
import type { Wire } from "./transport.js";

/** The methods of a vault that are performed by operations of their own. */
type RemoteMethods = Omit<Vault, "sealMany" | "unsealMany" | "close" | typeof Symbol.asyncDispose>;

/** Performs the methods of a vault by the operations of the table. */
abstract class ByOperation {
  /**
   * Sends an operation and returns its response, not yet checked.
   *
   * @internal
   */
  protected abstract ask(operation: OperationName, params: object): Promise<unknown>;
  /** @internal */
  protected abstract assertOpen(): void;

  static {
    for (const name of OPERATION_NAMES) {
      const { remote }: { remote?: RemoteMethod<object, object> } = OPERATIONS[name];
      if (remote === undefined) continue;
      Object.defineProperty(ByOperation.prototype, remote.name, {
        configurable: true,
        writable: true,
        async value(this: ByOperation, ...args: unknown[]) {
          const params: { readonly id?: string } = await remote.params(...args);
          this.assertOpen();
          if (params.id !== undefined && !isHandleId(params.id)) {
            if (remote.acceptsMalformedId === true) return undefined;
            throw new HandleNotFoundError();
          }
          const response = await this.ask(name, params);
          return readResult(name, response, (result) => remote.value(result, params));
        },
      });
    }
  }
}

const RemoteBase = ByOperation as abstract new () => ByOperation & RemoteMethods;

/**
 * A {@link Vault} whose every method asks a service.
 *
 * Arguments are checked before anything is sent, as `HandleVault` checks them. Payloads are bytes, text
 * and JSON data, whatever serializer the vault behind the service has. A summarizer runs here; whether
 * its safe view leaks is looked at where the vault is.
 */
export class RemoteVault extends RemoteBase implements Vault {
  readonly #wire: Wire;
  #closing: Promise<void> | undefined;

  constructor(wire: Wire) {
    super();
    checkMethods(wire, "wire", ["call", "close"]);
    this.#wire = wire;
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
    readResult("health", await this.ask("health", {}), () => undefined);
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
    if (!isAbortSignal(signal)) throw new TypeError("signal must be an AbortSignal");
    return new RemoteVault({
      call: async (operation, params) => {
        this.assertOpen();
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

  /** @internal */
  protected override assertOpen(): void {
    if (this.#closing !== undefined) throw new VaultClosedError();
  }

  /** @internal */
  protected override async ask(operation: OperationName, params: object): Promise<unknown> {
    this.assertOpen();
    // A response that could not be read would be of something that was done.
    await schemas.ready();
    return this.#wire.call(operation, params);
  }

  async #sealGroup(items: readonly SealItem[]): Promise<Outcome<OpaqueHandle>[]> {
    const requests: readonly SealParams[] = items.map(({ params }) => params);
    const response = await this.ask("seal_many", { requests });
    return readOutcomes("seal_many", response, items.length).map((outcome) =>
      toOutcome("seal_many", outcome, (value) =>
        readResult("seal", value, (result) => handleOf(result, {})),
      ),
    );
  }

  async #unsealGroup<T>(requests: readonly RequestParams[]): Promise<Outcome<T>[]> {
    const response = await this.ask("unseal_many", { requests });
    return readOutcomes("unseal_many", response, requests.length).map((outcome) =>
      toOutcome("unseal_many", outcome, (value) => readResult("unseal", value, payloadOf) as T),
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
  return !outcome.ok && isVaultError(outcome.error, "ERR_VAULT_REQUEST_TOO_LARGE");
}
