/**
 * The routes of a vault's service for Hono, and middleware that opens handles.
 *
 * @module
 */
export * from "../rest/router.js";
