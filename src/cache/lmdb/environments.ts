/** The environments of this process. A file that is opened several times has one environment. */
import { checkFile, prepareFile } from "./database-file.js";
import { unavailable } from "./failures.js";
import { OpeningGate } from "./opening-gate.js";
import type { Store } from "./store.js";
import type { LmdbEnvironment } from "./vendor.js";

/** A store, and the function that releases it. */
export interface Lease {
  readonly store: Store;
  /** Closes the environment if no other lease uses it. */
  readonly release: () => Promise<void>;
}

/** An environment and the store on it. */
interface OpenEnvironment {
  readonly environment: LmdbEnvironment;
  readonly store: Store;
}

/** Opens the environment of a file while the gate excludes other processes. */
export type OpenFile = (file: string, gate: OpeningGate) => OpenEnvironment;

interface Shared {
  readonly gate: OpeningGate;
  readonly opening: Promise<OpenEnvironment>;
  users: number;
}

const shared = new Map<string, Shared>();
/** Environments that are closing. Their files are not opened again before they are closed. */
const closing = new Map<string, Promise<void>>();

/** Returns a lease of the environment of a file. Calls `openFile` unless the environment is open. */
export async function leaseEnvironment(path: string, openFile: OpenFile): Promise<Lease> {
  const file = await prepareFile(path).catch((error: unknown) => {
    throw unavailable(error);
  });
  let entry = shared.get(file);
  if (entry === undefined) {
    const gate = new OpeningGate(file);
    const gone = closing.get(file) ?? Promise.resolve();
    const opening = gone.then(() =>
      gate.openExclusively(async () => {
        await checkFile(file);
        return openFile(file, gate);
      }),
    );
    entry = { gate, opening, users: 0 };
    shared.set(file, entry);
  }
  entry.users += 1;
  return toLease(file, entry);
}

async function toLease(file: string, entry: Shared): Promise<Lease> {
  try {
    const { store } = await entry.opening;
    return { store, release: () => release(file, entry) };
  } catch (error) {
    // The next lease must try again rather than get this failure.
    if (shared.get(file) === entry) shared.delete(file);
    throw unavailable(error);
  }
}

async function release(file: string, entry: Shared): Promise<void> {
  entry.users -= 1;
  if (entry.users > 0) return;
  shared.delete(file);
  const gone = close(entry).finally(() => closing.delete(file));
  closing.set(file, gone);
  await gone;
}

async function close({ gate, opening }: Shared): Promise<void> {
  const { environment } = await opening;
  try {
    await environment.close();
  } finally {
    await gate.close();
  }
}
