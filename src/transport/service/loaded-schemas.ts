import { type Lazy, lazily, loadPeer } from "../../load-peer.js";
import { OPERATIONS, type OperationName, type ParamsOf, type ResultOf } from "./operations.js";
import type { OperationSchemas, SchemaParts } from "./schemas.js";

/**
 * The parts of all schemas, loaded when the first server starts or the first call is made. If zod is missing,
 * the
 * first use of a wire fails before anything is sent.
 */
export const schemas: Lazy<SchemaParts> = lazily("schemas", () =>
  loadPeer("zod", () => import("./schemas.js")),
);

const made = new Map<OperationName, OperationSchemas<unknown, unknown>>();

/** Returns the schemas of an operation, once {@link schemas} are ready. */
export function schemasOf<Name extends OperationName>(
  name: Name,
): OperationSchemas<ParamsOf<Name>, ResultOf<Name>> {
  const known = made.get(name) ?? OPERATIONS[name].schemas(schemas.get());
  made.set(name, known);
  return known as OperationSchemas<ParamsOf<Name>, ResultOf<Name>>;
}
