import { describe, expect, it } from "vitest";
import {
  CacheUnavailableError,
  CacheUnsafeError,
  PeerMissingError,
  RateLimitedError,
} from "../../src/index.js";
import { fromWireError, toWireError } from "../../src/transport/error-table.js";
import { localErrors, vaultErrors } from "../support/vault-errors.js";

const others = [new TypeError("data is undefined"), new RangeError("x"), new Error("x")];
const wireErrors = vaultErrors.map(toWireError);

describe("the error table", () => {
  it("has a row of its own for every vault error, and no row for anything else", () => {
    expect(vaultErrors.length).toBeGreaterThan(20);
    expect(wireErrors.map(({ code }) => code)).toEqual(vaultErrors.map(({ code }) => code));
    expect(fromWireError({ code: "ERR_VAULT_NEVER_HEARD_OF" }).name).toBe(
      "ServiceUnavailableError",
    );
  });

  it("has no row for what no vault throws, and says only that the service failed", () => {
    for (const error of localErrors) {
      expect(toWireError(error)).toEqual(toWireError(new Error("x")));
      expect(fromWireError({ code: error.code }).name).toBe("ServiceUnavailableError");
    }
  });

  it("gives every error back as the class it was", () => {
    for (const error of vaultErrors) {
      const received = fromWireError(toWireError(error));
      expect(received.constructor).toBe(error.constructor);
      expect(received.message).toBe(error.message);
      expect(received).toMatchObject({ code: error.code });
    }
  });

  it.each(["rpcCode", "faultCode"] as const)(
    "tells every vault error by its %s alone",
    (number) => {
      for (const error of vaultErrors) {
        const received = fromWireError({ [number]: toWireError(error)[number] });
        expect(received).toMatchObject({ code: error.code });
      }
      expect(new Set(wireErrors.map((error) => error[number])).size).toBe(wireErrors.length);
    },
  );

  it("keeps its numbers out of those that JSON-RPC has taken", () => {
    for (const { rpcCode } of wireErrors) {
      expect(rpcCode).toBeGreaterThanOrEqual(-32099);
      expect(rpcCode).toBeLessThanOrEqual(-32000);
    }
  });

  it("gives every error an HTTP status that is an error", () => {
    for (const { status } of wireErrors) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
    }
  });

  it.each([
    [404, "HandleNotFoundError"],
    [410, "HandleExpiredError"],
    [403, "HandleAccessDeniedError"],
    [400, "TypeError"],
    [401, "UnauthenticatedError"],
    [405, "TypeError"],
    [408, "ServiceUnavailableError"],
    [409, "ConflictError"],
    [413, "RequestTooLargeError"],
    [422, "SafeViewLeakError"],
    [429, "RateLimitedError"],
    [500, "ServiceUnavailableError"],
    [502, "ServiceUnavailableError"],
    [503, "ServiceUnavailableError"],
    [504, "OutcomeUnknownError"],
    [507, "CacheFullError"],
    [200, "ServiceUnavailableError"],
  ])("reads the HTTP status %i as %s where there is no code", (status, name) => {
    expect(fromWireError({ status }).name).toBe(name);
  });

  it.each([
    [{ rpcCode: -32001 }, "HandleNotFoundError"],
    [{ rpcCode: -32002 }, "HandleExpiredError"],
    [{ rpcCode: -32003 }, "HandleAccessDeniedError"],
    [{ rpcCode: -32600 }, "TypeError"],
    [{ rpcCode: -32601 }, "TypeError"],
    [{ rpcCode: -32602 }, "TypeError"],
    [{ rpcCode: -32603 }, "ServiceUnavailableError"],
    [{ rpcCode: 7 }, "ServiceUnavailableError"],
    [{ faultCode: 404 }, "HandleNotFoundError"],
    [{ faultCode: 410 }, "HandleExpiredError"],
    [{ faultCode: 403 }, "HandleAccessDeniedError"],
    [{ faultCode: 400 }, "TypeError"],
    [{ faultCode: 1 }, "ServiceUnavailableError"],
  ])("reads %o, as the original's servers send it, as %s", (told, name) => {
    expect(fromWireError(told).name).toBe(name);
  });

  it("prefers the code to every number", () => {
    const told = { code: "ERR_VAULT_HANDLE_EXHAUSTED", status: 404, rpcCode: -32001 };
    expect(fromWireError(told).name).toBe("HandleExhaustedError");
  });

  it("says how long to wait, and believes no nonsense about it", () => {
    const wireError = toWireError(new RateLimitedError(7));
    expect(wireError.retryAfterSeconds).toBe(7);
    expect(fromWireError(wireError)).toMatchObject({ retryAfterSeconds: 7 });
    const nonsense = fromWireError({ status: 429, retryAfterSeconds: Number.NaN });
    expect(nonsense).toMatchObject({ retryAfterSeconds: undefined });
  });

  it("keeps the peer and the reason of errors that have one", () => {
    const peer = new PeerMissingError("@mongodb-js/zstd");
    expect(fromWireError(toWireError(peer))).toMatchObject({ peer: "@mongodb-js/zstd" });
    const unsafe = new CacheUnsafeError("outdated-sqlite");
    expect(fromWireError(toWireError(unsafe))).toMatchObject({ reason: "outdated-sqlite" });
  });
});

describe("what is no vault error", () => {
  it("is a bad parameter or a fault of the service's", () => {
    const codes = others.map((error) => toWireError(error).code);
    expect(codes).toEqual([
      "ERR_VAULT_INVALID_TYPE",
      "ERR_VAULT_OUT_OF_RANGE",
      "ERR_VAULT_INTERNAL",
    ]);
    for (const nothing of [undefined, null, "text", 5, {}, { code: "ERR_VAULT_CLOSED" }]) {
      expect(toWireError(nothing)).toMatchObject({ code: "ERR_VAULT_INTERNAL", status: 500 });
    }
    expect(fromWireError(toWireError(new RangeError("x")))).toBeInstanceOf(RangeError);
  });

  it.each([
    "ownerPrincipal must not be empty",
    "grantedPrincipals[3] must be a string",
    "ttlSeconds must be from 0 to 3155760000 seconds",
    "data.items[3].when is an instance of a class: the serializer cannot carry it",
    "data.(member 3) is undefined: the serializer cannot carry it",
    "data contains itself",
    "a handle has at most 256 grants",
  ])("keeps the library's own words: %s", (message) => {
    expect(fromWireError(toWireError(new TypeError(message))).message).toBe(message);
  });

  it.each([
    "Cannot read properties of undefined (reading 'secret')",
    "secret is not a function",
    "secret is not iterable",
    'The "data" argument must be of type string. Received secret',
    "Invalid string length",
    "must be secret",
    "data is secret\nat /home/secret.ts:3",
    'x must be "secret"',
  ])("keeps the engine's and the platform's words to itself: %s", (message) => {
    for (const error of [new TypeError(message), new RangeError(message), new Error(message)]) {
      expect(JSON.stringify(toWireError(error))).not.toContain("secret");
      expect(toWireError(error).message).not.toBe(message);
    }
  });

  it("tells nothing of a vault error but what its code says", () => {
    const error = Object.assign(new CacheUnavailableError({ cause: new Error("secret") }), {
      message: "secret",
      path: "/secret",
    });
    expect(JSON.stringify(toWireError(error))).not.toContain("secret");
  });
});
