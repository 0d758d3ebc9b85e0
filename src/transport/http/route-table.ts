/** Which request means which operation: one table for the server, the client and the description. */
import type { OperationName } from "../operations.js";

/** How an operation is asked for over HTTP. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `:id` where the handle's id is. */
  readonly path: string;
  /** The status of a success. */
  readonly status: 200 | 201;
}

/** The routes of all operations; those of the original have its paths and its statuses. */
export const ROUTES: Readonly<Record<OperationName, Route>> = {
  seal: { method: "POST", path: "/handles", status: 201 },
  unseal: { method: "POST", path: "/handles/:id/unseal", status: 200 },
  get_safe_view: { method: "GET", path: "/handles/:id/safe_view", status: 200 },
  describe: { method: "GET", path: "/handles/:id", status: 200 },
  invalidate: { method: "DELETE", path: "/handles/:id", status: 200 },
  grant: { method: "POST", path: "/handles/:id/grants", status: 200 },
  revoke: { method: "POST", path: "/handles/:id/revoke", status: 200 },
  renew: { method: "POST", path: "/handles/:id/renew", status: 200 },
  seal_many: { method: "POST", path: "/batch/seal", status: 200 },
  unseal_many: { method: "POST", path: "/batch/unseal", status: 200 },
  health: { method: "GET", path: "/health", status: 200 },
};

/** Where the description of all of this is. */
export const OPENAPI_PATH = "/openapi.json";

/**
 * Names the principal in a request that has no body, percent-encoded: paths end up in logs, and a
 * principal must not.
 */
export const PRINCIPAL_HEADER = "requesting-principal";
