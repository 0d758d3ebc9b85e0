/**
 * The one table of error identifiers on the wires: code, HTTP status, JSON-RPC code, XML-RPC fault.
 *
 * A response contains only the data that the table defines for an error's code. Messages are generated from
 * it, so
 * that no message, cause or stack of the original error reaches another process.
 *
 * @module
 */
import { isErrorOf } from "../../primitives/kinds.js";
import {
  type ArgumentFault,
  argumentFaultOf,
  rangeFault,
  readArgumentFault,
  typeFault,
} from "../../vault/argument-errors.js";
import {
  AuthenticationUnavailableError,
  CacheFullError,
  CacheUnavailableError,
  CacheUnsafeError,
  ConflictError,
  HandleAccessDeniedError,
  HandleEvictedError,
  HandleExhaustedError,
  HandleExpiredError,
  HandleNotFoundError,
  isVaultError,
  KeyNotFoundError,
  KeyServiceUnavailableError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  PeerBrokenError,
  PeerMissingError,
  PrincipalForbiddenError,
  RateLimitedError,
  RecordIntegrityError,
  RecordUnsupportedError,
  RequestTooLargeError,
  SafeViewLeakError,
  ServiceUnavailableError,
  UnauthenticatedError,
  type UnsafeReason,
  VaultClosedError,
  type VaultErrorCode,
} from "../../vault/errors.js";

/** The codes of errors that are not vault errors: an invalid parameter, or a fault of ours. */
type OtherErrorCode = "ERR_VAULT_INVALID_TYPE" | "ERR_VAULT_OUT_OF_RANGE" | "ERR_VAULT_INTERNAL";

/** The errors about payloads that a caller's process has already opened. No wire carries them. */
type LocalErrorCode =
  | "ERR_VAULT_HYDRATION"
  | "ERR_VAULT_OUTPUT_VALIDATION"
  | "ERR_VAULT_PAYLOAD_VALIDATION";

/** The codes of errors on the wires. */
export type WireErrorCode = Exclude<VaultErrorCode, LocalErrorCode> | OtherErrorCode;

/** The details of an error in addition to its code: data, from which the client generates a message. */
export type ErrorDetails =
  | ArgumentFault
  | { readonly reason: UnsafeReason }
  | { readonly peer: string };

/** The header that carries the details when the body has no field for them: JSON, in ASCII. */
export const ERROR_DETAILS_HEADER = "handlevault-error-details";

/** An error in the forms of every wire. */
export interface WireError {
  readonly code: WireErrorCode;
  /** A message generated from the code and the details. */
  readonly message: string;
  readonly details?: ErrorDetails | undefined;
  /** The HTTP status. */
  readonly status: number;
  /** The JSON-RPC error code. */
  readonly rpcCode: number;
  /** The XML-RPC fault code. */
  readonly faultCode: number;
  /** Seconds to wait before another attempt. */
  readonly retryAfterSeconds?: number | undefined;
}

/** The fields of an error response. Our servers name a code; the original's have only numbers. */
export interface ReceivedError {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly rpcCode?: number | undefined;
  readonly faultCode?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * HTTP status, JSON-RPC code, XML-RPC fault code, and the error that a client creates from it. The last is
 * absent
 * if the error does not say whether the operation took effect.
 */
type Row = readonly [
  status: number,
  rpcCode: number,
  faultCode: number,
  make: ((received: ReceivedError) => Error) | undefined,
];

/** When several rows share a number, the number alone means the first of them. */
const TABLE: Readonly<Record<WireErrorCode, Row>> = {
  ERR_VAULT_HANDLE_NOT_FOUND: [404, -32001, 404, () => new HandleNotFoundError()],
  ERR_VAULT_HANDLE_EXPIRED: [410, -32002, 410, () => new HandleExpiredError()],
  ERR_VAULT_HANDLE_ACCESS_DENIED: [403, -32003, 403, () => new HandleAccessDeniedError()],
  ERR_VAULT_HANDLE_EXHAUSTED: [410, -32004, 4101, () => new HandleExhaustedError()],
  ERR_VAULT_HANDLE_EVICTED: [410, -32005, 4102, () => new HandleEvictedError()],
  ERR_VAULT_UNAUTHENTICATED: [401, -32010, 401, () => new UnauthenticatedError()],
  ERR_VAULT_PRINCIPAL_FORBIDDEN: [403, -32011, 4031, () => new PrincipalForbiddenError()],
  ERR_VAULT_CONFLICT: [409, -32012, 409, () => new ConflictError()],
  ERR_VAULT_REQUEST_TOO_LARGE: [413, -32013, 413, () => new RequestTooLargeError()],
  ERR_VAULT_PAYLOAD_TOO_LARGE: [413, -32014, 4131, () => new PayloadTooLargeError()],
  ERR_VAULT_SAFE_VIEW_LEAK: [422, -32028, 422, () => new SafeViewLeakError()],
  ERR_VAULT_RATE_LIMITED: [
    429,
    -32015,
    429,
    (received) => new RateLimitedError(secondsOf(received)),
  ],
  ERR_VAULT_SERVICE_UNAVAILABLE: [503, -32016, 503, () => new ServiceUnavailableError()],
  ERR_VAULT_AUTHENTICATION_UNAVAILABLE: [
    503,
    -32017,
    5031,
    () => new AuthenticationUnavailableError(),
  ],
  ERR_VAULT_CACHE_UNAVAILABLE: [503, -32018, 5032, () => new CacheUnavailableError()],
  ERR_VAULT_CLOSED: [503, -32019, 5033, () => new VaultClosedError()],
  ERR_VAULT_KEY_SERVICE_UNAVAILABLE: [503, -32029, 5034, () => new KeyServiceUnavailableError()],
  ERR_VAULT_OUTCOME_UNKNOWN: [504, -32020, 504, () => new OutcomeUnknownError()],
  ERR_VAULT_CACHE_FULL: [507, -32021, 507, () => new CacheFullError()],
  ERR_VAULT_INTERNAL: [500, -32603, 500, undefined],
  ERR_VAULT_RECORD_INTEGRITY: [500, -32022, 5001, () => new RecordIntegrityError()],
  ERR_VAULT_RECORD_UNSUPPORTED: [500, -32023, 5002, () => new RecordUnsupportedError()],
  ERR_VAULT_KEY_NOT_FOUND: [500, -32024, 5003, () => new KeyNotFoundError()],
  ERR_VAULT_CACHE_UNSAFE: [
    500,
    -32025,
    5004,
    (received) => new CacheUnsafeError(reasonOf(received)),
  ],
  ERR_VAULT_PEER_MISSING: [
    500,
    -32026,
    5005,
    (received) => new PeerMissingError(peerOf(received), AT_SERVICE),
  ],
  ERR_VAULT_PEER_BROKEN: [
    500,
    -32027,
    5006,
    (received) => new PeerBrokenError(peerOf(received), AT_SERVICE),
  ],
  ERR_VAULT_INVALID_TYPE: [
    400,
    -32602,
    400,
    ({ details }) => {
      const fault = readArgumentFault(details);
      if (fault === undefined) return new TypeError(INVALID_TYPE);
      return typeFault(fault.place, fault.rule, ...fault.bounds);
    },
  ],
  ERR_VAULT_OUT_OF_RANGE: [
    400,
    -32602,
    4001,
    ({ details }) => {
      const fault = readArgumentFault(details);
      if (fault === undefined) return new RangeError(OUT_OF_RANGE);
      return rangeFault(fault.place, fault.rule, ...fault.bounds);
    },
  ],
};

const AT_SERVICE = { place: "service" } as const;
const INVALID_TYPE = "The service refused the request: a value in it is of the wrong kind.";
const OUT_OF_RANGE = "The service refused the request: a value in it is out of its bounds.";
const REFUSED = "The service refused the request as invalid.";
const INTERNAL = "The service failed: its operator's logs say more.";

/** Returns the form of an error for every wire. */
export function toWireError(error: unknown): WireError {
  const code = codeOf(error);
  const [status, rpcCode, faultCode, make] = TABLE[code];
  const details = detailsOf(error);
  const retryAfterSeconds =
    code === "ERR_VAULT_RATE_LIMITED" ? secondsOf(error as ReceivedError) : undefined;
  const message = make === undefined ? INTERNAL : make({ details, retryAfterSeconds }).message;
  return { code, message, status, rpcCode, faultCode, details, retryAfterSeconds };
}

function detailsOf(error: unknown): ErrorDetails | undefined {
  // A vault of the caller's own may name anything: only what is in our tables crosses a wire.
  if (isVaultError(error, "ERR_VAULT_CACHE_UNSAFE"))
    return { reason: reasonOf({ details: error }) };
  if (
    isVaultError(error, "ERR_VAULT_PEER_MISSING") ||
    isVaultError(error, "ERR_VAULT_PEER_BROKEN")
  ) {
    return { peer: peerOf({ details: error }) };
  }
  return argumentFaultOf(error);
}

/**
 * Returns the error that a client throws for an error response: by its code, else by the wire's number.
 *
 * @returns An error of the same class as in process; `undefined` if the table does not have it, or
 * if it does not say whether the operation took effect.
 */
export function fromWireError(received: ReceivedError): Error | undefined {
  const row = isWireErrorCode(received.code) ? TABLE[received.code] : rowOf(received);
  if (row !== undefined) return row[3]?.(received);
  return RPC_REFUSALS.has(received.rpcCode) ? new TypeError(REFUSED) : undefined;
}

function codeOf(error: unknown): WireErrorCode {
  if (isVaultError(error) && isWireErrorCode(error.code)) return error.code;
  if (isErrorOf(error, "TypeError")) return "ERR_VAULT_INVALID_TYPE";
  return isErrorOf(error, "RangeError") ? "ERR_VAULT_OUT_OF_RANGE" : "ERR_VAULT_INTERNAL";
}

/** Returns whether a code is in the table. */
export function isWireErrorCode(code: unknown): code is WireErrorCode {
  return typeof code === "string" && Object.hasOwn(TABLE, code);
}

function rowOf({ faultCode, rpcCode }: ReceivedError): Row | undefined {
  return Object.values(TABLE).find(
    (row) =>
      (faultCode !== undefined && row[2] === faultCode) ||
      (rpcCode !== undefined && row[1] === rpcCode),
  );
}

/**
 * The codes with which a JSON-RPC server refuses a request before it does anything, from parse error to
 * unknown method.
 */
export const RPC_REFUSALS: ReadonlySet<number | undefined> = new Set([-32700, -32600, -32601]);

/** A service may ask for a long wait, but a timer of more than 24.8 days would fire at once. */
const LONGEST_WAIT_SECONDS = 86_400;

function secondsOf(received: ReceivedError | undefined): number | undefined {
  const seconds = received?.retryAfterSeconds;
  if (typeof seconds !== "number") return undefined;
  return seconds >= 0 && seconds <= LONGEST_WAIT_SECONDS ? seconds : undefined;
}

const REASONS: readonly UnsafeReason[] = [
  "ephemeral-keys",
  "volatile-cache",
  "outdated-sqlite",
  "several-pid-namespaces",
];

function reasonOf({ details }: ReceivedError): UnsafeReason {
  const { reason } = Object(details) as { readonly reason?: unknown };
  return REASONS.find((known) => known === reason) ?? "volatile-cache";
}

/** The library's peer packages. A service must not choose which packages its clients' users install. */
export const PEERS: readonly string[] = [
  "@langchain/core",
  "@modelcontextprotocol/client",
  "@modelcontextprotocol/node",
  "@mongodb-js/zstd",
  "ai",
  "better-sqlite3",
  "fs-native-extensions",
  "hono",
  "ioredis",
  "iovalkey",
  "jose",
  "lmdb",
  "lru-cache",
  "lz4-napi",
  "msgpackr",
  "re2js",
  "yaml",
  "zod",
];

function peerOf({ details }: ReceivedError): string {
  const { peer } = Object(details) as { readonly peer?: unknown };
  return PEERS.find((known) => known === peer) ?? "unknown";
}
