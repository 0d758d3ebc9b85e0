import { type Lazy, lazily, loadPeer } from "../load-peer.js";

/**
 * The schemas of all operations, loaded when the first server starts or the first call is made: whoever
 * imports a wire without zod learns what is missing when it is used, before anything is sent.
 */
export const schemas: Lazy<typeof import("./schemas.js")> = lazily("schemas", () =>
  loadPeer("zod", () => import("./schemas.js")),
);
