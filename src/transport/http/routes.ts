/** Finds the operation that a request asks for. */
import type { OperationName } from "../operations.js";
import { OPENAPI_PATH, ROUTES } from "./route-table.js";

/** What a request asks for. */
export type Target = OperationName | "openapi";

/** A request's target, or which methods its path has instead. */
export type Match =
  | { readonly target: Target; readonly id?: string | undefined }
  | { readonly allow: readonly string[] };

interface Pattern {
  readonly target: Target;
  readonly method: string;
  readonly path: RegExp;
}

const METHODS = ["GET", "POST", "DELETE"] as const;
const PATTERNS: readonly Pattern[] = [
  { target: "openapi", method: "GET", path: patternOf(OPENAPI_PATH) },
  ...Object.entries(ROUTES).map(([operation, { method, path }]) => {
    return { target: operation as OperationName, method, path: patternOf(path) };
  }),
];

/** Finds what a method and a path ask for; a path that nothing has allows no method. */
export function matchRoute(method: string, path: string): Match {
  const there = PATTERNS.filter((pattern) => pattern.path.test(path));
  const found = there.find((pattern) => pattern.method === method);
  if (found !== undefined) return targetOf(found, path) ?? { allow: [] };
  const methods = new Set(there.map((pattern) => pattern.method));
  return { allow: METHODS.filter((other) => methods.has(other)) };
}

function targetOf({ target, path: pattern }: Pattern, path: string): Match | undefined {
  const segment = pattern.exec(path)?.groups?.["id"];
  if (segment === undefined) return { target };
  const id = decoded(segment);
  return id === undefined ? undefined : { target, id };
}

/** An id is one segment of the path, whatever it holds. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(":id", "(?<id>[^/]+)")}$`);
}

/** Returns what a percent-encoded text stands for, or `undefined` if it stands for nothing. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
