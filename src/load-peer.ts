import { PeerBrokenError, PeerMissingError } from "./vault/errors.js";

/**
 * Imports an optional peer dependency.
 *
 * @param peer - Name of the npm package, as `load` imports it.
 * @throws {@link PeerMissingError} It is not installed.
 * @throws {@link PeerBrokenError} It is installed but does not load.
 */
export async function loadPeer<Module>(peer: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw isAbsent(cause, peer)
      ? new PeerMissingError(peer, { cause })
      : new PeerBrokenError(peer, { cause });
  }
}

/** Tells a package that is not there from one that fails for want of something else. */
function isAbsent(error: unknown, peer: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === "ERR_MODULE_NOT_FOUND" && String(message).includes(`package '${peer}'`);
}
