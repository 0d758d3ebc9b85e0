import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import * as library from "../../src/errors.js";
import { CacheUnsafeError, OutcomeUnknownError, PeerMissingError } from "../../src/errors.js";
import {
  type AnyVaultError,
  HandleExpiredError,
  isVaultError,
  VaultError,
  type VaultErrorCode,
} from "../../src/index.js";

/** The pinned codes: changing one breaks the programs that use it. */
const CODES: Readonly<Record<string, VaultErrorCode>> = {
  HandleNotFoundError: "ERR_VAULT_HANDLE_NOT_FOUND",
  HandleExpiredError: "ERR_VAULT_HANDLE_EXPIRED",
  HandleAccessDeniedError: "ERR_VAULT_HANDLE_ACCESS_DENIED",
  HandleExhaustedError: "ERR_VAULT_HANDLE_EXHAUSTED",
  HandleEvictedError: "ERR_VAULT_HANDLE_EVICTED",
  RecordIntegrityError: "ERR_VAULT_RECORD_INTEGRITY",
  RecordUnsupportedError: "ERR_VAULT_RECORD_UNSUPPORTED",
  KeyNotFoundError: "ERR_VAULT_KEY_NOT_FOUND",
  KeyServiceUnavailableError: "ERR_VAULT_KEY_SERVICE_UNAVAILABLE",
  CacheFullError: "ERR_VAULT_CACHE_FULL",
  CacheUnavailableError: "ERR_VAULT_CACHE_UNAVAILABLE",
  CacheUnsafeError: "ERR_VAULT_CACHE_UNSAFE",
  OutcomeUnknownError: "ERR_VAULT_OUTCOME_UNKNOWN",
  PayloadTooLargeError: "ERR_VAULT_PAYLOAD_TOO_LARGE",
  SafeViewLeakError: "ERR_VAULT_SAFE_VIEW_LEAK",
  PeerMissingError: "ERR_VAULT_PEER_MISSING",
  PeerBrokenError: "ERR_VAULT_PEER_BROKEN",
  VaultClosedError: "ERR_VAULT_CLOSED",
  UnauthenticatedError: "ERR_VAULT_UNAUTHENTICATED",
  PrincipalForbiddenError: "ERR_VAULT_PRINCIPAL_FORBIDDEN",
  RateLimitedError: "ERR_VAULT_RATE_LIMITED",
  ServiceUnavailableError: "ERR_VAULT_SERVICE_UNAVAILABLE",
  AuthenticationUnavailableError: "ERR_VAULT_AUTHENTICATION_UNAVAILABLE",
  RequestTooLargeError: "ERR_VAULT_REQUEST_TOO_LARGE",
  ConflictError: "ERR_VAULT_CONFLICT",
  HydrationError: "ERR_VAULT_HYDRATION",
  OutputValidationError: "ERR_VAULT_OUTPUT_VALIDATION",
  PayloadValidationError: "ERR_VAULT_PAYLOAD_VALIDATION",
};

/** A class as the tests call it, with an argument that is valid for all classes. */
type ErrorClass = new (argument: string) => AnyVaultError;

const classes = Object.entries<unknown>(library).filter(
  (entry): entry is [string, ErrorClass] =>
    typeof entry[1] === "function" && Object.getPrototypeOf(entry[1]) === VaultError,
);

function instance(Class: ErrorClass): AnyVaultError {
  return new Class("volatile-cache");
}

describe("the error classes", () => {
  it("are exactly the pinned ones, each with its code and name", () => {
    const found = Object.fromEntries(classes.map(([name, Class]) => [name, instance(Class).code]));
    expect(found).toEqual(CODES);
    for (const [name, Class] of classes) expect(instance(Class).name).toBe(name);
  });

  it("are exactly those that docs/errors.md lists, code beside class", () => {
    const path = join(import.meta.dirname, "../../docs/errors.md");
    const rows = readFileSync(path, "utf8").matchAll(/^\| `(ERR_VAULT_\w+)` \| `(\w+)` \|/gm);
    const listed = Object.fromEntries([...rows].map(([, code, name]) => [name, code]));
    expect(listed).toEqual(CODES);
  });

  it("have messages that end in a full stop and contain nothing of the call", () => {
    for (const [, Class] of classes) expect(instance(Class).message).toMatch(/^[A-Z].*[^.]\.$/s);
  });

  it("are recognised by isVaultError, by code if one is named, and nothing else is", () => {
    for (const [, Class] of classes) {
      const error = instance(Class);
      expect(isVaultError(error)).toBe(true);
      expect(isVaultError(error, error.code)).toBe(true);
      expect(
        isVaultError(
          error,
          error.code === "ERR_VAULT_CLOSED" ? "ERR_VAULT_CACHE_FULL" : "ERR_VAULT_CLOSED",
        ),
      ).toBe(false);
    }
    for (const other of [new Error("x"), { code: "ERR_VAULT_CLOSED" }, null, undefined, "text"]) {
      expect(isVaultError(other)).toBe(false);
    }
  });

  it("are recognised if they are from another copy of the library", () => {
    const foreign = Object.assign(new Error("made elsewhere"), {
      code: "ERR_VAULT_HANDLE_EXPIRED",
      [Symbol.for("handlevault.error")]: true,
    });
    expect(isVaultError(foreign, "ERR_VAULT_HANDLE_EXPIRED")).toBe(true);
  });

  it("keep the cause if there is one, and explain how to install a peer", () => {
    const cause = new Error("ECONNRESET");
    expect(new OutcomeUnknownError({ cause }).cause).toBe(cause);
    expect(new PeerMissingError("lmdb").message).toContain('"npm install lmdb"');
    expect(new PeerMissingError("lmdb").peer).toBe("lmdb");
    expect(new CacheUnsafeError("ephemeral-keys").message).toContain("KeyRing");
  });

  it("narrow to one class by their code", () => {
    const error: unknown = new HandleExpiredError();
    if (isVaultError(error, "ERR_VAULT_HANDLE_EXPIRED")) {
      expectTypeOf(error).toEqualTypeOf<HandleExpiredError>();
    }
    expectTypeOf<AnyVaultError["code"]>().toEqualTypeOf<VaultErrorCode>();
    expect(error).toBeInstanceOf(VaultError);
  });
});
