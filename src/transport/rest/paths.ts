/** The HTTP paths and headers other than the routes of operations. */

/** The path of the OpenAPI description. */
export const OPENAPI_PATH = "/openapi.json";

/** The path where orchestrators check whether the service can reach its cache. */
export const READINESS_PATH = "/health/ready";

/**
 * The header that names the principal in a request without a body, percent-encoded. It is not in the path,
 * because
 * paths are logged and a principal must not be.
 */
export const PRINCIPAL_HEADER = "requesting-principal";
