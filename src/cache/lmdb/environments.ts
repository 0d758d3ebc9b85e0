/** The environments of this process: one for each file, however often it is opened. */

import { withoutPath } from "../../primitives/causes.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import type { Store } from "./cache.js";
import { prepareFile } from "./file.js";
import { openAlone } from "./opening.js";
import type { LmdbEnvironment } from "./peer.js";

/** A store, and how to give it back. */
export interface Lease {
  readonly store: Store;
  /** Closes the environment when nobody else uses it. */
  readonly release: () => Promise<void>;
}

/** An environment and what is built on it. */
export interface OpenEnvironment {
  readonly environment: LmdbEnvironment;
  readonly store: Store;
}

interface Shared {
  readonly opening: Promise<OpenEnvironment>;
  users: number;
}

const shared = new Map<string, Shared>();
/** Environments on their way out: nobody may open their file again before they are gone. */
const closing = new Map<string, Promise<void>>();

/** Returns a lease of the environment of a file, which `openFile` opens unless it is open already. */
export async function leaseEnvironment(
  path: string,
  openFile: (path: string) => OpenEnvironment,
): Promise<Lease> {
  const file = await prepareFile(path).catch((error: unknown) => {
    throw new CacheUnavailableError({ cause: withoutPath(error) });
  });
  let entry = shared.get(file);
  if (entry === undefined) {
    const gone = closing.get(file) ?? Promise.resolve();
    const opening = gone.then(() => openAlone(file, () => openFile(file)));
    entry = { opening, users: 0 };
    shared.set(file, entry);
  }
  entry.users += 1;
  return toLease(file, entry);
}

async function toLease(file: string, entry: Shared): Promise<Lease> {
  try {
    const { store, environment } = await entry.opening;
    return { store, release: () => release(file, entry, environment) };
  } catch (error) {
    // What could not be opened is no environment to wait for.
    if (shared.get(file) === entry) shared.delete(file);
    throw new CacheUnavailableError({ cause: withoutPath(error) });
  }
}

async function release(file: string, entry: Shared, environment: LmdbEnvironment): Promise<void> {
  entry.users -= 1;
  if (entry.users > 0) return;
  shared.delete(file);
  const gone = environment.close().finally(() => closing.delete(file));
  closing.set(file, gone);
  await gone;
}
