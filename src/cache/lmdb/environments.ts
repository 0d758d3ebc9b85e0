/** The environments of this process: one for each file, however often it is opened. */
import { checkFile, prepareFile } from "./database-file.js";
import { unavailable } from "./failures.js";
import { OpeningGate } from "./opening-gate.js";
import type { Store } from "./store.js";
import type { LmdbEnvironment } from "./vendor.js";

/** A store, and how to give it back. */
export interface Lease {
  readonly store: Store;
  /** Closes the environment when nobody else uses it. */
  readonly release: () => Promise<void>;
}

/** An environment and what is built on it. */
interface OpenEnvironment {
  readonly environment: LmdbEnvironment;
  readonly store: Store;
}

/** Opens the environment of a file whose gate is closed to others. */
export type OpenFile = (file: string, gate: OpeningGate) => OpenEnvironment;

interface Shared {
  readonly gate: OpeningGate;
  readonly opening: Promise<OpenEnvironment>;
  users: number;
}

const shared = new Map<string, Shared>();
/** Environments on their way out: nobody may open their file again before they are gone. */
const closing = new Map<string, Promise<void>>();

/** Returns a lease of the environment of a file, which `openFile` opens unless it is open already. */
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
    // What could not be opened is no environment to wait for.
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
