import { installedVersion, isNotInstalled, isOlder } from "./installed-package.js";
import { PEER_VERSIONS } from "./peer-versions.js";
import { installTimers } from "./primitives/timers.js";
import { PeerBrokenError, PeerMissingError } from "./vault/errors.js";

/**
 * Imports an optional peer dependency.
 *
 * Rejects a version older than the oldest working one before any of its code runs. Rejects a module that
 * lacks an export this library uses. Accepts versions newer than the tested ones.
 *
 * @param peer - The name of the npm package that `load` imports.
 * @throws {@link PeerMissingError} The package is not installed.
 * @throws {@link PeerBrokenError} The package is installed but does not load, or its version does not work.
 */
export async function loadPeer<Module extends object>(
  peer: string,
  load: () => Promise<Module>,
): Promise<Module> {
  refuseOutdated(peer);
  const module = await importPeer(peer, load);
  refuseIncomplete(peer, module);
  return module;
}

async function importPeer<Module>(peer: string, load: () => Promise<Module>): Promise<Module> {
  // A package that reads the fake timers of a test when it loads would keep them in all later tests.
  const undo = installTimers();
  try {
    return await load();
  } catch (cause) {
    throw isAbsent(cause, peer)
      ? new PeerMissingError(peer, { cause })
      : new PeerBrokenError(peer, { cause });
  } finally {
    undo();
  }
}

function refuseOutdated(peer: string): void {
  const versions = PEER_VERSIONS[peer];
  if (versions === undefined) return;
  const found = installedVersion(peer);
  if (found === undefined || !isOlder(found, versions.oldest)) return;
  throw new PeerBrokenError(peer, { versions: { ...versions, found } });
}

/** Detects a wrong version by its missing exports, for packages whose version cannot be read. */
function refuseIncomplete(peer: string, module: object): void {
  const versions = PEER_VERSIONS[peer];
  if (versions?.exports?.every((name) => name in module) !== false) return;
  throw new PeerBrokenError(peer, { versions: { ...versions, found: installedVersion(peer) } });
}

/** A value that has to be loaded before its first use. */
export interface Lazy<T> {
  /** Loads the value, once. */
  ready(): Promise<void>;
  /** Returns the loaded value. Throws a `TypeError` before that. */
  get(): T;
}

/** Returns a lazy value. `owner` is the function that its error message names. */
export function lazily<T>(owner: string, load: () => Promise<T>): Lazy<T> {
  let loaded: { readonly value: T } | undefined;
  return {
    async ready() {
      loaded ??= { value: await load() };
    },
    get() {
      if (loaded === undefined) throw new TypeError(`${owner}: await ready() first`);
      return loaded.value;
    },
  };
}

/** Returns whether an import failed because the package itself is absent, and not one of its dependencies. */
function isAbsent(error: unknown, peer: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = String(message);
  if (code === "ERR_MODULE_NOT_FOUND" && text.includes(`package '${peer}'`)) return true;
  return text.includes(peer) && isNotInstalled(peer);
}
