/** Reports what a server answers with "internal error": its own faults, not those of requests. */

import { RateLimit } from "../limits/limits.js";
import { toWireError } from "./error-table.js";
import { newRequestId } from "./request-id.js";

/**
 * Called with an error that a request was answered with 500 for, and the id in its answer. The error is
 * as it was thrown, and may hold whatever the code that threw it put there.
 */
export type OnError = (error: unknown, report: { readonly requestId: string }) => void;

const MAX_WARNINGS_A_MINUTE = 10;

/** An error of the server's own that was reported; nothing else is told of it. */
export class InternalError extends Error {
  override readonly name = "InternalError" as const;
  readonly requestId: string;
  constructor(requestId: string) {
    super("The service failed.");
    this.requestId = requestId;
  }
}

/** Tells the server's operator of errors that clients are told nothing of. */
export class ErrorReports {
  readonly #onError: OnError | undefined;
  readonly #warnings = new RateLimit({ perMinute: MAX_WARNINGS_A_MINUTE });

  constructor(onError?: OnError) {
    if (onError !== undefined && typeof onError !== "function") {
      throw new TypeError("options.onError must be a function");
    }
    this.#onError = onError;
  }

  /** Returns an error as it may be answered: one of the server's own is reported, and stands under an id. */
  noted(error: unknown): unknown {
    const isOwn = !(error instanceof InternalError) && isInternal(error);
    return isOwn ? this.#report(error) : error;
  }

  /** Returns what `work` gives. @throws Whatever it throws, {@link noted}. */
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

  /** A listener that fails must neither end the process nor change an answer. */
  async #call(onError: OnError, error: unknown, requestId: string): Promise<void> {
    try {
      await onError(error, { requestId });
    } catch (failure) {
      this.#warn(`onError itself failed: ${namesOf(failure)}`);
    }
  }

  /** Names alone: texts of unknown errors may hold anything. */
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

/** Returns the class names of an error and of its cause, as far as they look like such. */
function namesOf(error: unknown): string {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  return cause === undefined ? nameOf(error) : `${nameOf(error)}, caused by ${nameOf(cause)}`;
}

function nameOf(error: unknown): string {
  const { name } = (error ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && /^[A-Za-z]{1,40}$/.test(name) ? name : "an unknown error";
}
