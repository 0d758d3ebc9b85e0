/** Finds the operation for the method and path of a request. */
import { OPERATION_NAMES, OPERATIONS, type OperationName } from "../service/operations.js";
import { OPENAPI_PATH, READINESS_PATH } from "./paths.js";

/** The target of a request. */
export type Target = OperationName | "openapi" | "readiness";

/** A request's target, or the methods that its path allows instead. */
export type Match =
  | { readonly target: Target; readonly id?: string | undefined }
  | { readonly allow: readonly string[] };

interface Pattern {
  readonly target: Target;
  readonly method: string;
  readonly path: RegExp;
}

const METHODS = ["GET", "POST", "DELETE"] as const;
const ALL: readonly Pattern[] = [
  { target: "openapi", method: "GET", path: patternOf(OPENAPI_PATH) },
  { target: "readiness", method: "GET", path: patternOf(READINESS_PATH) },
  ...OPERATION_NAMES.map((target) => {
    const { method, path } = OPERATIONS[target].route;
    return { target, method, path: patternOf(path) };
  }),
];

const PATTERNS: ReadonlyMap<string, readonly Pattern[]> = new Map(
  METHODS.map((method) => [method, ALL.filter((pattern) => pattern.method === method)]),
);

/** Returns the target of a method and a path. An unknown path allows no methods. */
export function matchRoute(method: string, path: string): Match {
  const found = find(method, path);
  if (found !== undefined) return targetOf(found.pattern, found.match);
  return { allow: METHODS.filter((other) => find(other, path) !== undefined) };
}

function find(method: string, path: string) {
  for (const pattern of PATTERNS.get(method) ?? []) {
    const match = pattern.path.exec(path);
    if (match !== null) return { pattern, match };
  }
  return undefined;
}

function targetOf({ target }: Pattern, match: RegExpExecArray): Match {
  const segment = match.groups?.["id"];
  if (segment === undefined) return { target };
  const id = decoded(segment);
  return id === undefined ? { allow: [] } : { target, id };
}

/** An id is one segment of the path, whatever it contains. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(":id", "(?<id>[^/]+)")}$`);
}

/** Returns the decoded form of a percent-encoded text, or `undefined` if it is malformed. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
