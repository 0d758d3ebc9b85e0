/** What requests over HTTP have besides the routes of operations. */

/** Where the description of all of this is. */
export const OPENAPI_PATH = "/openapi.json";

/** Where orchestrators ask whether the service can reach its cache. */
export const READINESS_PATH = "/health/ready";

/**
 * Names the principal in a request that has no body, percent-encoded: paths end up in logs, and a
 * principal must not.
 */
export const PRINCIPAL_HEADER = "requesting-principal";
