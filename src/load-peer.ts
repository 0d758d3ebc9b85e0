import { installedVersion, isNotInstalled, isOlder } from "./installed-package.js";
import { PEER_VERSIONS } from "./peer-versions.js";
import { installTimers } from "./primitives/timers.js";
import { PeerBrokenError, PeerMissingError } from "./vault/errors.js";

/**
 * Imports an optional peer dependency.
 *
 * A version older than the oldest that works is refused before any of its code runs, and a module
 * without the exports that are used is refused, too. Versions newer than the tested ones are accepted.
 *
 * @param peer - Name of the npm package, as `load` imports it.
 * @throws {@link PeerMissingError} It is not installed.
 * @throws {@link PeerBrokenError} It is installed but does not load, or its version does not work.
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
  // A package that finds the fake timers of a test keeps them for all tests that follow.
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

/** Finds a wrong version by what it lacks, for packages whose version cannot be read. */
function refuseIncomplete(peer: string, module: object): void {
  const versions = PEER_VERSIONS[peer];
  if (versions?.exports?.every((name) => name in module) !== false) return;
  throw new PeerBrokenError(peer, { versions: { ...versions, found: installedVersion(peer) } });
}

/** Something that has to be loaded before it can be used. */
export interface Lazy<T> {
  /** Loads it, once. */
  ready(): Promise<void>;
  /** Returns it; a `TypeError` before it was loaded. */
  get(): T;
}

/** Returns what `owner` loads when it is made ready. */
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

/** Tells a package that is not there from one that fails for want of something else. */
function isAbsent(error: unknown, peer: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = String(message);
  if (code === "ERR_MODULE_NOT_FOUND" && text.includes(`package '${peer}'`)) return true;
  return text.includes(peer) && isNotInstalled(peer);
}
