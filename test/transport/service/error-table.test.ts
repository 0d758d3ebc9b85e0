import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  CacheUnavailableError,
  CacheUnsafeError,
  PeerBrokenError,
  PeerMissingError,
  RateLimitedError,
} from "../../../src/errors.js";
import { fromWireError, PEERS, toWireError } from "../../../src/transport/service/error-table.js";
import { rangeFault, typeFault } from "../../../src/vault/argument-errors.js";
import { localErrors, vaultErrors } from "../../support/vault-errors.js";

const others = [new TypeError("data is undefined"), new RangeError("x"), new Error("x")];
const wireErrors = vaultErrors.map(toWireError);

describe("the error table", () => {
  it("has a row of its own for every vault error, and no row for anything else", () => {
    expect(vaultErrors.length).toBeGreaterThan(20);
    expect(wireErrors.map(({ code }) => code)).toEqual(vaultErrors.map(({ code }) => code));
    expect(fromWireError({ code: "ERR_VAULT_NEVER_HEARD_OF" })).toBe(undefined);
  });

  it("has no row for errors that no vault throws, and reports them only as a failure of the service", () => {
    for (const error of localErrors) {
      expect(toWireError(error)).toEqual(toWireError(new Error("x")));
      expect(fromWireError({ code: error.code })).toBe(undefined);
    }
  });

  it("gives every error back as the class it was", () => {
    for (const error of vaultErrors) {
      const wireError = toWireError(error);
      const received = fromWireError(wireError);
      expect(received?.constructor).toBe(error.constructor);
      expect(received?.message).toBe(wireError.message);
      expect(received).toMatchObject({ code: error.code });
    }
  });

  it.each(["rpcCode", "faultCode"] as const)(
    "identifies every vault error by its %s alone",
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
    [{ rpcCode: -32001 }, "HandleNotFoundError"],
    [{ rpcCode: -32002 }, "HandleExpiredError"],
    [{ rpcCode: -32003 }, "HandleAccessDeniedError"],
    [{ rpcCode: -32600 }, "TypeError"],
    [{ rpcCode: -32601 }, "TypeError"],
    [{ rpcCode: -32602 }, "TypeError"],
    [{ rpcCode: -32603 }, undefined],
    [{ rpcCode: 7 }, undefined],
    [{ faultCode: 404 }, "HandleNotFoundError"],
    [{ faultCode: 410 }, "HandleExpiredError"],
    [{ faultCode: 403 }, "HandleAccessDeniedError"],
    [{ faultCode: 400 }, "TypeError"],
    [{ faultCode: 1 }, undefined],
    [{ faultCode: 500 }, undefined],
  ])("reads %o, as the original's servers send it, as %s", (told, name) => {
    expect(fromWireError(told)?.name).toBe(name);
  });

  it("prefers the code to every number", () => {
    const received = { code: "ERR_VAULT_HANDLE_EXHAUSTED", faultCode: 404, rpcCode: -32001 };
    expect(fromWireError(received)?.name).toBe("HandleExhaustedError");
  });

  it("says how long to wait, and believes no nonsense about it", () => {
    const wireError = toWireError(new RateLimitedError(7));
    expect(wireError.retryAfterSeconds).toBe(7);
    expect(fromWireError(wireError)).toMatchObject({ retryAfterSeconds: 7 });
    for (const retryAfterSeconds of [Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 31, 86_401]) {
      const nonsense = fromWireError({ faultCode: 429, retryAfterSeconds });
      expect(nonsense).toMatchObject({ retryAfterSeconds: undefined });
    }
  });

  it("keeps the reason of an error that has one", () => {
    const unsafe = new CacheUnsafeError("outdated-sqlite");
    expect(fromWireError(toWireError(unsafe))).toMatchObject({ reason: "outdated-sqlite" });
  });
});

describe("an error about a package", () => {
  const classes = [PeerMissingError, PeerBrokenError];

  it("names the peer, and says that it is the service's machine that lacks it", () => {
    for (const Class of classes) {
      const received = fromWireError(toWireError(new Class("@mongodb-js/zstd")));
      expect(received).toMatchObject({ peer: "@mongodb-js/zstd" });
      expect(received?.message).toMatch(/^The service's machine .* package @mongodb-js\/zstd: its/);
      expect(received?.message).not.toMatch(/run|npm/);
    }
  });

  it("sends no other name, whatever the vault behind the service says", () => {
    for (const name of ["@evil/handlevault-fix", "caf\u00e9\u2603", "/home/secret"]) {
      for (const Class of classes) {
        expect(toWireError(new Class(name)).details).toEqual({ peer: "unknown" });
      }
    }
    const unsafe = Object.assign(new CacheUnsafeError("volatile-cache"), { reason: "secret" });
    expect(toWireError(unsafe).details).toEqual({ reason: "volatile-cache" });
  });

  it("names only this library's peers: a service does not choose the packages that its clients install", () => {
    const { peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(PEERS).toEqual(Object.keys(peerDependencies).sort());
    for (const name of ["@evil/handlevault-fix", "zod;curl", "", "constructor", "__proto__"]) {
      for (const Class of classes) {
        const received = fromWireError({ code: new Class(name).code, details: { peer: name } });
        expect(received).toMatchObject({ peer: "unknown" });
        expect(received?.message).toMatch(/^The service's machine (lacks|cannot load) an optional/);
      }
    }
  });
});

describe("an error that is not a vault error", () => {
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

  it.each<[string, TypeError | RangeError]>([
    ["ownerPrincipal must not be empty", rangeFault("ownerPrincipal", "notEmpty")],
    ["grantedPrincipals[3] must be a string", typeFault("grantedPrincipals[3]", "string")],
    [
      "ttlSeconds must be from 0 to 3155760000 seconds",
      rangeFault("ttlSeconds", "secondsWithin", 0, 3_155_760_000),
    ],
    [
      "data.items[3].when is an instance of a class: the serializer cannot carry it",
      typeFault("data.items[3].when", "classInstance"),
    ],
    [
      "data.(member 3) is undefined: the serializer cannot carry it",
      typeFault("data.(member 3)", "undefinedValue"),
    ],
    ["data.(key 2).$x[0] contains itself", typeFault("data.(key 2).$x[0]", "cycle")],
    ["handle must have at most 256 grants", rangeFault("handle", "maxGrants", 256)],
    ["params must not have an integer beyond 2^53", rangeFault("params", "safeIntegers")],
  ])("crosses a wire as place, rule and bounds: %s", (message, error) => {
    expect(error.message).toBe(message);
    const { code, details } = toWireError(error);
    const sent: unknown = JSON.parse(JSON.stringify(details));
    const received = fromWireError({ code, details: sent });
    expect(received).toEqual(error);
    expect(received).toBeInstanceOf(error.constructor);
  });

  it.each<[string, unknown]>([
    ["a place that is a sentence", { place: "run npm install evil", rule: "string", bounds: [] }],
    ["a place beyond its length", { place: "a.b".repeat(100), rule: "string", bounds: [] }],
    ["another rule", { place: "data", rule: "run npm install evil", bounds: [] }],
    ["a rule of the prototype", { place: "data", rule: "constructor", bounds: [] }],
    ["bounds that are texts", { place: "data", rule: "atMost", bounds: ["evil"] }],
    ["too few bounds", { place: "data", rule: "atMost", bounds: [] }],
    ["too many bounds", { place: "data", rule: "string", bounds: [1] }],
    ["no object", "evil"],
    ["nothing", undefined],
  ])("is a fixed text where a service sends %s", (_, details) => {
    for (const code of ["ERR_VAULT_INVALID_TYPE", "ERR_VAULT_OUT_OF_RANGE"]) {
      expect(fromWireError({ code, details })?.message).toMatch(
        /^The service refused the request: a value in it is (of the wrong kind|out of its bounds)\.$/,
      );
    }
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
    "secret must be a string",
    "you must run npm install secret",
    "ownerPrincipal must run npm install secret",
    "data is secret: the serializer cannot carry it",
    "data. run npm install secret is undefined: the serializer cannot carry it",
  ])("keeps the engine's and the platform's words to itself: %s", (message) => {
    for (const error of [new TypeError(message), new RangeError(message), new Error(message)]) {
      expect(JSON.stringify(toWireError(error))).not.toContain("secret");
      expect(toWireError(error).message).not.toBe(message);
    }
  });

  it("reveals nothing of a vault error except its code", () => {
    const error = Object.assign(new CacheUnavailableError({ cause: new Error("secret") }), {
      message: "secret",
      path: "/secret",
    });
    expect(JSON.stringify(toWireError(error))).not.toContain("secret");
  });
});
