import type { OperationName } from "../operations.js";

/** The order of parameters given by position: the original's for its operations. */
const POSITIONS: Readonly<Record<OperationName | "authenticate", readonly string[]>> = {
  authenticate: ["token"],
  seal: [
    "data",
    "owner_principal",
    "safe_view",
    "ttl_seconds",
    "granted_principals",
    "max_uses",
    "data_encoding",
  ],
  unseal: ["id", "requesting_principal"],
  get_safe_view: ["id"],
  describe: ["id", "requesting_principal"],
  invalidate: ["id", "requesting_principal"],
  grant: ["id", "principal", "by"],
  revoke: ["id", "principal", "by"],
  renew: ["id", "ttl_seconds", "by"],
  seal_many: ["requests"],
  unseal_many: ["requests"],
  health: [],
};

/**
 * Returns parameters by name.
 *
 * @throws RangeError There are more than the operation has.
 */
export function namedParams(
  operation: OperationName | "authenticate",
  params: object | undefined,
): object {
  if (!Array.isArray(params)) return params ?? {};
  const names = POSITIONS[operation];
  if (params.length > names.length) {
    throw new RangeError(`params must have at most ${names.length} values`);
  }
  return Object.fromEntries(params.map((value: unknown, place) => [names[place], value]));
}
