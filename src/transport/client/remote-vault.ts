/**
 * A vault in another process, with the same methods, checks and errors as in process.
 *
 * @module
 */

import { limitsIn, readCallOptions, runLimited, withSignalOf } from "../../vault/call-options.js";
import { checkMethods } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import {
  HandleNotFoundError,
  isVaultError,
  OutcomeUnknownError,
  VaultClosedError,
} from "../../vault/errors.js";
import { type HandleReference, isHandleId, type OpaqueHandle } from "../../vault/handle.js";
import { mapSettled } from "../../vault/map-settled.js";
import { errorOf } from "../../vault/maybe-promise.js";
import type { StandardSchema } from "../../vault/standard-schema.js";
import { checkedOutcomes, checkedPayload, readUnsealOptions } from "../../vault/typed-payload.js";
import type {
  CallOptions,
  Outcome,
  SealRequest,
  UnsealOptions,
  UnsealRequest,
  Vault,
} from "../../vault/vault.js";
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
type RemoteMethods = Omit<
  Vault,
  "unseal" | "sealMany" | "unsealMany" | "close" | typeof Symbol.asyncDispose
>;

type Remote = RemoteMethod<object, object>;

/** Performs the methods of a vault with the operations of the table. */
abstract class ByOperation {
  /**
   * Sends an operation and returns its unchecked response.
   *
   * @internal
   */
  protected abstract ask(
    operation: OperationName,
    params: object,
    signal: AbortSignal | undefined,
  ): Promise<unknown>;
  /** @internal */
  protected abstract assertOpen(): void;

  static {
    for (const name of OPERATION_NAMES) {
      const { remote } = OPERATIONS[name];
      if (remote === undefined) continue;
      Object.defineProperty(ByOperation.prototype, remote.name, {
        configurable: true,
        writable: true,
        value(this: ByOperation, ...args: unknown[]) {
          return this.perform(name, remote as Remote, args);
        },
      });
    }
  }

  /**
   * Performs a method with its operation.
   *
   * @internal
   */
  protected async perform(
    name: OperationName,
    remote: Remote,
    args: readonly unknown[],
  ): Promise<unknown> {
    const params: { readonly id?: string } = await remote.params(...args);
    this.assertOpen();
    if (params.id !== undefined && !isHandleId(params.id)) {
      if (remote.acceptsMalformedId === true) return undefined;
      throw new HandleNotFoundError();
    }
    const limits = limitsIn(args[remote.optionsAt]) ?? {};
    const response = await withSignalOf(limits, (signal) => this.ask(name, params, signal));
    return readResult(name, response, (result) => remote.value(result, params));
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

  unseal<Output>(
    handle: HandleReference,
    requestingPrincipal: string,
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Output>;
  unseal<T = unknown>(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: UnsealOptions,
  ): Promise<T>;
  async unseal<T>(
    handle: HandleReference,
    requestingPrincipal: string,
    options: UnsealOptions = {},
  ): Promise<T> {
    const checked = readUnsealOptions(options);
    const args = [handle, requestingPrincipal, checked.limits];
    const payload = await this.perform("unseal", OPERATIONS.unseal.remote as Remote, args);
    return checkedPayload(payload as T, checked);
  }

  /** Seals many payloads in as few requests as can hold them; a request that fails fails its items. */
  async sealMany(
    requests: readonly SealRequest[],
    options: CallOptions = {},
  ): Promise<Outcome<OpaqueHandle>[]> {
    return runLimited("writes", readCallOptions(options), (signal) =>
      prepared(requests, sealItem, async (items) => {
        const outcomes: Outcome<OpaqueHandle>[] = [];
        for (const group of inGroups(items, MAX_BATCH)) {
          outcomes.push(...(await askInHalves(group, (some) => this.#sealGroup(some, signal))));
        }
        return outcomes;
      }),
    );
  }

  /** Unseals many handles in as few requests as can hold them; a request that fails fails its items. */
  unsealMany<Output>(
    requests: readonly UnsealRequest[],
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Outcome<Output>[]>;
  unsealMany<T = unknown>(
    requests: readonly UnsealRequest[],
    options?: UnsealOptions,
  ): Promise<Outcome<T>[]>;
  async unsealMany<T>(
    requests: readonly UnsealRequest[],
    options: UnsealOptions = {},
  ): Promise<Outcome<T>[]> {
    const checked = readUnsealOptions(options);
    const outcomes = await runLimited("writes", checked.limits, (signal) =>
      prepared(requests, unsealItem, (items) => this.#unsealAll<T>(items, signal)),
    );
    return checkedOutcomes(outcomes, checked);
  }

  /** Fulfills when the service responds; needs no credential. */
  async health(options: CallOptions = {}): Promise<void> {
    const response = await withSignalOf(readCallOptions(options), (signal) =>
      this.ask("health", {}, signal),
    );
    readResult("health", response, () => undefined);
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
  protected override async ask(
    operation: OperationName,
    params: object,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    this.assertOpen();
    // The schemas are loaded before sending: afterwards, a failure would leave a completed operation without
    // its result.
    await schemas.ready();
    signal?.throwIfAborted();
    return this.#transport.call(operation, params, { signal });
  }

  async #sealGroup(
    items: readonly SealItem[],
    signal: AbortSignal | undefined,
  ): Promise<Outcome<OpaqueHandle>[]> {
    const requests: readonly SealParams[] = items.map(({ params }) => params);
    const response = await this.ask("seal_many", { requests }, signal);
    return readOutcomes("seal_many", response, items.length).map((outcome) =>
      toOutcome("seal_many", outcome, (value) =>
        readResult("seal", value, (result) => handleOf(result, {})),
      ),
    );
  }

  async #unsealGroup<T>(
    requests: readonly RequestParams[],
    signal: AbortSignal | undefined,
  ): Promise<Outcome<T>[]> {
    const response = await this.ask("unseal_many", { requests }, signal);
    return readOutcomes("unseal_many", response, requests.length).map((outcome) =>
      toOutcome("unseal_many", outcome, (value) => readResult("unseal", value, payloadOf) as T),
    );
  }

  /**
   * A service limits the size of one response. Items that it refused only for that reason are requested
   * again.
   */
  async #unsealAll<T>(
    items: readonly RequestParams[],
    signal: AbortSignal | undefined,
  ): Promise<Outcome<T>[]> {
    const outcomes: Outcome<T>[] = [];
    let pending = [...items.entries()];
    while (pending.length > 0) {
      const group = pending.slice(0, MAX_BATCH);
      const requests = group.map(([, params]) => params);
      const received = await askInHalves(requests, (some) => this.#unsealGroup<T>(some, signal));
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
    return { ok: false, error: errorOf(error) };
  }
}

function isTooMuch(outcome: Outcome<unknown>): boolean {
  return !outcome.ok && isVaultError(outcome.error, "ERR_VAULT_REQUEST_TOO_LARGE");
}
