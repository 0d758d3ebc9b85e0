/**
 * Calls to a key provider, which may be a remote service. Every call has a timeout, every result is
 * validated, and every other failure becomes one error.
 */
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { isBytes } from "../primitives/bytes.js";
import { settlesWithin } from "../primitives/settles-within.js";
import { checkKeyId } from "../vault/checks.js";
import type { KeyContext, KeyProvider, MaybePromise, WrappedKey } from "../vault/contracts.js";
import { isVaultError, KeyServiceUnavailableError } from "../vault/errors.js";
import { adoptThenable, isPromise } from "../vault/maybe-promise.js";

/** The default time limit for a call, in milliseconds. */
export const DEFAULT_KEY_TIMEOUT_MS = 4000;
/** The largest length that two bytes of a header can express. */
const MAX_WRAPPED_BYTES = 65_535;

/** A provider for one context, which returns valid results or throws a {@link KeyServiceUnavailableError}. */
export class ProviderCalls {
  readonly #provider: KeyProvider;
  readonly #context: KeyContext;
  readonly #timeoutMs: number;

  constructor(provider: KeyProvider, context: KeyContext, timeoutMs: number) {
    this.#provider = provider;
    this.#context = context;
    this.#timeoutMs = timeoutMs;
  }

  get durable(): boolean {
    return read(() => this.#provider.durable) === true;
  }

  get currentKeyId(): string {
    return read(() => {
      const currentKeyId: unknown = this.#provider.currentKeyId(this.#context);
      checkKeyId(currentKeyId, "the currentKeyId of a KeyProvider");
      return currentKeyId;
    });
  }

  get epoch(): number {
    return read(() => checkedEpoch(this.#provider.epoch(this.#context)));
  }

  wrap(dataKey: Uint8Array): MaybePromise<WrappedKey> {
    return this.#call({
      ask: () => this.#provider.wrap(dataKey, this.#context),
      checked: checkedWrapped,
      dropLate: () => undefined,
    });
  }

  unwrap(wrapped: WrappedKey): MaybePromise<Uint8Array> {
    return this.#call({
      ask: () => this.#provider.unwrap(wrapped, this.#context),
      checked: checkedDataKey,
      dropLate: wipe,
    });
  }

  /** Whether the provider moves a wrapped key to its current key without handing out the data key. */
  get canRewrap(): boolean {
    return read(() => typeof this.#provider.rewrap === "function");
  }

  /** Returns the wrapped key under the current key; `undefined` if it already is. */
  rewrap(wrapped: WrappedKey): MaybePromise<WrappedKey | undefined> {
    return this.#call<WrappedKey | undefined>({
      ask: () => this.#provider.rewrap?.(wrapped, this.#context),
      checked: (result) => (result === undefined ? result : checkedWrapped(result)),
      dropLate: () => undefined,
    });
  }

  #call<T>({ ask, checked, dropLate }: Call<T>): MaybePromise<T> {
    return read(() => {
      const result = adoptThenable(ask());
      if (!isPromise(result)) return checked(result);
      return inTime(result, this.#timeoutMs, dropLate).then(checked).catch(unavailable);
    });
  }
}

interface Call<T> {
  readonly ask: () => MaybePromise<T>;
  /** Returns a valid result; throws for an invalid one. */
  readonly checked: (result: T) => T;
  /** Called with a result that arrived after the deadline. */
  readonly dropLate: (result: T) => void;
}

/** Returns whether a call failed because the provider did not respond in time. */
export function isUnanswered(error: unknown): boolean {
  return (
    isVaultError(error, "ERR_VAULT_KEY_SERVICE_UNAVAILABLE") && error.providerError === undefined
  );
}

function read<T>(get: () => T): T {
  try {
    return get();
  } catch (error) {
    return unavailable(error);
  }
}

/** Throws a fixed error: a provider's own errors may name accounts and keys, which must not get into logs. */
function unavailable(error: unknown): never {
  throw isVaultError(error) ? error : new KeyServiceUnavailableError({ providerError: error });
}

async function inTime<T>(
  result: Promise<T>,
  timeoutMs: number,
  dropLate: (result: T) => void,
): Promise<T> {
  if (await settlesWithin(timeoutMs, result)) return result;
  result.then(dropLate, () => undefined);
  throw new KeyServiceUnavailableError();
}

function checkedEpoch(epoch: unknown): number {
  if (typeof epoch === "number" && !Number.isNaN(epoch)) return epoch;
  throw new TypeError("the epoch of a KeyProvider must be a number");
}

function checkedWrapped({ keyId, wrapped }: WrappedKey): WrappedKey {
  checkKeyId(keyId, "the keyId of a KeyProvider");
  if (isBytes(wrapped) && wrapped.length <= MAX_WRAPPED_BYTES) return { keyId, wrapped };
  throw new TypeError(`wrap must return at most ${MAX_WRAPPED_BYTES} bytes`);
}

function checkedDataKey(dataKey: Uint8Array): Uint8Array {
  if (isBytes(dataKey) && dataKey.length === KEY_BYTES) return dataKey;
  wipe(dataKey);
  throw new TypeError(`unwrap must return the ${KEY_BYTES} bytes that were wrapped`);
}

function wipe(bytes: unknown): void {
  if (isBytes(bytes)) bytes.fill(0);
}
