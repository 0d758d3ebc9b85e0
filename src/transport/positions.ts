/** Parameters by position, on the wires that have them: the original's order for its operations. */
import type { OperationName } from "./messages.js";

/** The names of an operation's parameters, in their order; what the original has not comes last. */
export const POSITIONS: Readonly<Record<OperationName, readonly string[]>> = {
  seal: [
    "data",
    "owner_principal",
    "safe_view",
    "ttl_seconds",
    "granted_principals",
    "max_uses",
    "leak_guard",
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
