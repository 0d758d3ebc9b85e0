/** Reports errors that clients see only as "internal error": faults of the server, not of requests. */

import { RateLimit } from "../limits/limits.js";
import { toWireError } from "./error-table.js";
import { newRequestId } from "./request-id.js";

/**
 * Called with an error that caused status 500, and the id in its response. The error is passed as thrown, and
 * may
 * contain any data that the code that threw it included.
 */
export type OnError = (error: unknown, report: { readonly requestId: string }) => void;

const MAX_WARNINGS_A_MINUTE = 10;

/** A server fault that was already reported. Clients get no other detail of it. */
export class InternalError extends Error {
  override readonly name = "InternalError" as const;
  readonly requestId: string;
  constructor(requestId: string) {
    super("The service failed.");
    this.requestId = requestId;
  }
}

/** Reports errors to the server's operator that clients must not see in detail. */
export class ErrorReports {
  readonly #onError: OnError | undefined;
  readonly #warnings = new RateLimit({ perMinute: MAX_WARNINGS_A_MINUTE });

  constructor(onError?: OnError) {
    if (onError !== undefined && typeof onError !== "function") {
      throw new TypeError("options.onError must be a function");
    }
    this.#onError = onError;
  }

  /**
   * Returns an error that is safe to send. A server fault is reported and replaced by one with only an id.
   */
  noted(error: unknown): unknown {
    const isOwn = !(error instanceof InternalError) && isInternal(error);
    return isOwn ? this.#report(error) : error;
  }

  /** Returns the result of `work`. @throws The error of `work`, after {@link noted}. */
  async noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.noted(error);
    }
  }

  #report(error: unknown): InternalError {
    const requestId = newRequestId();
    if (this.#onError === undefined) this.#warn(`${namesOf(error)} (request ${requestId})`);
    else void this.#call(this.#onError, error, requestId);
    return new InternalError(requestId);
  }

  /** A listener that throws must neither end the process nor change a response. */
  async #call(onError: OnError, error: unknown, requestId: string): Promise<void> {
    try {
      await onError(error, { requestId });
    } catch (failure) {
      this.#warn(`onError itself failed: ${namesOf(failure)}`);
    }
  }

  /** Warns with class names only, because messages of unknown errors may contain secrets. */
  #warn(what: string): void {
    if (this.#warnings.retryAfterSeconds("") !== undefined) return;
    this.#warnings.count("");
    process.emitWarning(`A vault's server failed to answer a request: ${what}`, {
      code: "HANDLEVAULT_INTERNAL_ERROR",
      detail: "Pass onError to the server to see such errors.",
    });
  }
}

function isInternal(error: unknown): boolean {
  return toWireError(error).code === "ERR_VAULT_INTERNAL";
}

/** Returns the class names of an error and of its cause, if they look like class names. */
function namesOf(error: unknown): string {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  return cause === undefined ? nameOf(error) : `${nameOf(error)}, caused by ${nameOf(cause)}`;
}

function nameOf(error: unknown): string {
  const { name } = (error ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && /^[A-Za-z]{1,40}$/.test(name) ? name : "an unknown error";
}
