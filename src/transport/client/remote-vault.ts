/**
 * A vault in another process, with the same methods, checks and errors as in process.
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
import { MAX_BATCH } from "../service/messages.js";
import { type SealItem, sealItem, unsealItem } from "../service/method-params.js";
import { handleOf, payloadOf } from "../service/method-results.js";
import {
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
  type RemoteMethod,
} from "../service/operations.js";
import { askInHalves, inGroups } from "./batches.js";
import { refusalOf } from "./lost-response.js";
import { readOutcomes, readResult } from "./parse-results.js";
import type { Transport } from "./transport.js";

/** The methods of a vault that each have an operation of their own. */
type RemoteMethods = Omit<Vault, "sealMany" | "unsealMany" | "close" | typeof Symbol.asyncDispose>;

/** Performs the methods of a vault with the operations of the table. */
abstract class ByOperation {
  /**
   * Sends an operation and returns its unchecked response.
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
 * A {@link Vault} that performs every method through a service.
 *
 * Arguments are checked before anything is sent, as `HandleVault` checks them. Payloads are bytes, text
 * and JSON data, whatever serializer the service's vault has. A summarizer runs in this process; the service
 * checks its safe view for leaks.
 */
export class RemoteVault extends RemoteBase implements Vault {
  readonly #transport: Transport;
  #closing: Promise<void> | undefined;

  constructor(transport: Transport) {
    super();
    checkMethods(transport, "transport", ["call", "close"]);
    this.#transport = transport;
  }

  /** Seals many payloads in as few requests as can hold them; a request that fails fails its items. */
  async sealMany(requests: readonly SealRequest[]): Promise<Outcome<OpaqueHandle>[]> {
    return prepared(requests, sealItem, async (items) => {
      const outcomes: Outcome<OpaqueHandle>[] = [];
      for (const group of inGroups(items, MAX_BATCH)) {
        outcomes.push(...(await askInHalves(group, (some) => this.#sealGroup(some))));
      }
      return outcomes;
    });
  }

  /** Unseals many handles in as few requests as can hold them; a request that fails fails its items. */
  async unsealMany<T = unknown>(requests: readonly UnsealRequest[]): Promise<Outcome<T>[]> {
    return prepared(requests, unsealItem, (items) => this.#unsealAll<T>(items));
  }

  /** Fulfills when the service responds; needs no credential. */
  async health(): Promise<void> {
    readResult("health", await this.ask("health", {}), () => undefined);
  }

  /**
   * Returns the same vault with calls that `signal` aborts. Closing it leaves the connection open.
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
        return this.#transport.call(operation, params, { signal });
      },
      close: async () => undefined,
    });
  }

  /** Closes the connection only; the vault behind the service stays open. */
  async close(): Promise<void> {
    this.#closing ??= this.#transport.close();
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
    // The schemas are loaded before sending: afterwards, a failure would leave a completed operation without
    // its result.
    await schemas.ready();
    return this.#transport.call(operation, params);
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

  /**
   * A service limits the size of one response. Items that it refused only for that reason are requested
   * again.
   */
  async #unsealAll<T>(items: readonly RequestParams[]): Promise<Outcome<T>[]> {
    const outcomes: Outcome<T>[] = [];
    let pending = [...items.entries()];
    while (pending.length > 0) {
      const group = pending.slice(0, MAX_BATCH);
      const requests = group.map(([, params]) => params);
      const received = await askInHalves(requests, (some) => this.#unsealGroup<T>(some));
      const refused: typeof group = [];
      for (const [place, outcome] of received.entries()) {
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

/** Prepares every item, sends the valid ones, and returns the outcome of each in order. */
async function prepared<Item, Sent, T>(
  items: readonly Item[],
  prepare: (item: Item) => MaybePromise<Sent>,
  send: (items: readonly Sent[]) => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> {
  const preparations = await mapSettled(items, async (item) => prepare(item));
  const ready = preparations.flatMap((one) => (one.ok ? [one.value] : []));
  const outcomes = (await send(ready)).values();
  return preparations.map((one) => (one.ok ? (outcomes.next().value ?? lost()) : one));
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
