/** Finds the operation that a request asks for. */
import { RegExpRouter } from "hono/router/reg-exp-router";
import type { OperationName } from "../operations.js";
import { OPENAPI_PATH, ROUTES } from "./route-table.js";

/** What a request asks for. */
export type Target = OperationName | "openapi";

/** A request's target, or which methods its path has instead. */
export type Match =
  | { readonly target: Target; readonly id?: string | undefined }
  | { readonly allow: readonly string[] };

const router = new RegExpRouter<Target>();
const METHODS = ["GET", "POST", "DELETE"] as const;

router.add("GET", OPENAPI_PATH, "openapi");
for (const [operation, { method, path }] of Object.entries(ROUTES)) {
  router.add(method, path, operation as OperationName);
}

/** Finds what a method and a path ask for; a path that nothing has allows no method. */
export function matchRoute(method: string, path: string): Match {
  const found = METHODS.some((known) => known === method) ? find(method, path) : undefined;
  if (found !== undefined) return found;
  return { allow: METHODS.filter((other) => find(other, path) !== undefined) };
}

function find(method: string, path: string): Match | undefined {
  const [handlers, values] = router.match(method, path);
  const [target, places] = handlers[0] ?? [];
  if (target === undefined) return undefined;
  const place = (places as Record<string, number> | undefined)?.["id"];
  if (place === undefined) return { target };
  const id = decoded((values as readonly string[] | undefined)?.[place] ?? "");
  return id === undefined ? undefined : { target, id };
}

/** Returns what a percent-encoded text stands for, or `undefined` if it stands for nothing. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
