import { setImmediate } from "node:timers/promises";
import { generateKey, KeyRing } from "../../src/keys/key-ring.js";
import type { KeyProvider, WrappedKey } from "../../src/vault/contracts.js";
import { rotate } from "./rotation.js";

/** A key management service in memory, which replies asynchronously, counts its calls, and can be blocked. */
export class FakeKms implements KeyProvider {
  readonly durable = true;
  readonly #ring: KeyRing = KeyRing.from({
    current: "kms-1",
    keys: { "kms-1": generateKey() },
  });
  #held: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  wraps = 0;
  unwraps = 0;

  currentKeyId(): string {
    return this.#ring.currentKeyId();
  }

  epoch(): number {
    return this.#ring.epoch();
  }

  rotate(keyId: string): void {
    rotate(this.#ring, keyId, generateKey());
  }

  remove(keyId: string): void {
    this.#ring.remove(keyId, { force: true });
  }

  /** Blocks all calls until the returned function is called. */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  }

  /** Makes every later call fail; `undefined` makes them succeed again. */
  failWith(error: Error | undefined): void {
    this.#failure = error;
  }

  async wrap(dataKey: Uint8Array): Promise<WrappedKey> {
    this.wraps += 1;
    const wrapped = this.#failure === undefined ? this.#ring.wrap(dataKey) : undefined;
    await this.#answer();
    if (wrapped === undefined) throw this.#failure ?? new Error("the KMS was failing");
    return wrapped;
  }

  async unwrap(wrappedKey: WrappedKey): Promise<Uint8Array> {
    this.unwraps += 1;
    let failure: unknown = this.#failure;
    let dataKey: Uint8Array | undefined;
    try {
      if (failure === undefined) dataKey = this.#ring.unwrap(wrappedKey);
    } catch (error) {
      failure = error;
    }
    await this.#answer();
    if (dataKey === undefined) throw failure;
    return dataKey;
  }

  async #answer(): Promise<void> {
    await this.#held;
    await setImmediate();
  }
}
