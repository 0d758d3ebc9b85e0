/** Kills writers at random moments, and checks the records afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { aes256GcmEncryptor, isVaultError, VaultCodec } from "../../src/index.js";
import { PendingWrites } from "../../src/records/pending-writes.js";
import { SealedRecords } from "../../src/records/sealed-records.js";
import { inBatches } from "../support/in-batches.js";
import { OWNER } from "../support/vault.js";
import { Child } from "./child.js";
import { payloadOf, type WriteTask } from "./children/write.js";
import { drillRing, openPlace, openVault, type Place } from "./places.js";

const WRITERS = 3;
const MAX_ROUNDS = 100;

/** A seal that resolved. */
interface Acknowledged {
  readonly id: string;
  readonly writer: string;
  readonly n: number;
}

/** The fate of the acknowledged records. */
export interface CrashReport {
  readonly acknowledged: number;
  readonly kills: number;
  readonly lost: number;
  /** The number of records with changed or incomplete contents. */
  readonly torn: number;
}

export interface CrashOptions {
  /** Continues until this many seals have been acknowledged. */
  readonly acknowledged: number;
  /** Whether to also kill the server during the writes. */
  readonly crashServer?: boolean;
}

/** Kills writers at random moments, in several rounds, and then checks the acknowledged records. */
export async function crash(place: Place, options: CrashOptions): Promise<CrashReport> {
  const all: Acknowledged[] = [];
  let kills = 0;
  for (let round = 0; all.length < options.acknowledged; round++) {
    if (round === MAX_ROUNDS) throw new Error(`only ${all.length} seals were acknowledged`);
    all.push(...(await writeAndKill(place, round, options)));
    kills += WRITERS;
  }
  const { lost, torn } = await lookFor(place, all);
  return { acknowledged: all.length, kills, lost, torn: torn + (await countTorn(place)) };
}

/** Starts writers one after another, and kills each at a different random moment. */
async function writeAndKill(
  place: Place,
  round: number,
  { crashServer = false }: CrashOptions,
): Promise<Acknowledged[]> {
  const writers = await Promise.all(
    Array.from({ length: WRITERS }, async (_, index) => {
      await sleep(index * 100 * Math.random());
      const name = `writer ${round}.${index}`;
      const task: WriteTask = { address: place.address, writer: name };
      return { name, child: new Child("write.ts", task) };
    }),
  );
  // Waits until all writers have opened their vault: a server that is killed earlier correctly refuses the
  // writer.
  const allWrite = Promise.all(writers.map(({ child }) => child.hasPrinted(1)));
  const acknowledged = writers.map(async ({ name, child }, index) => {
    await child.hasPrinted(Math.ceil(1 + 4000 * Math.random()));
    if (crashServer && index === 0) {
      await allWrite;
      await place.crash?.();
    }
    await sleep(200 * Math.random());
    await child.kill();
    return child.lines.map((line) => parse(name, line));
  });
  return (await Promise.all(acknowledged)).flat();
}

function parse(writer: string, line: string): Acknowledged {
  const [id = "", n = ""] = line.split(" ");
  return { id, writer, n: Number(n) };
}

async function lookFor(place: Place, all: readonly Acknowledged[]) {
  const vault = await openVault(place.address);
  let lost = 0;
  let torn = 0;
  await inBatches(all.length, 64, async (index) => {
    const { id, writer, n } = all[index] as Acknowledged;
    try {
      const payload = await vault.unseal(id, OWNER);
      if (!isDeepStrictEqual(payload, payloadOf(writer, n))) torn += 1;
    } catch (error) {
      if (isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")) lost += 1;
      else torn += 1;
    }
  });
  await vault.close();
  return { lost, torn };
}

/** Returns the number of incomplete records, acknowledged or not, by opening every record. */
async function countTorn({ address }: Place): Promise<number> {
  const records = new SealedRecords({
    cache: await openPlace(address),
    codec: new VaultCodec(),
    encryptor: aes256GcmEncryptor({ keys: drillRing() }),
    tenant: undefined,
    maxInlineBytes: 0,
    timeoutMs: 30_000,
    pendingWrites: new PendingWrites(),
    onUnsafe: () => undefined,
  });
  await records.ready();
  let torn = 0;
  let cursor: string | undefined;
  do {
    const page = await records.scan(cursor);
    await inBatches(page.entries.length, 64, async (index) => {
      if (await isTorn(records, page.entries[index]?.key ?? "")) torn += 1;
    });
    cursor = page.cursor;
  } while (cursor !== undefined);
  await records.close();
  return torn;
}

/** Returns whether a record is not one that a writer seals. */
async function isTorn(records: SealedRecords, key: string): Promise<boolean> {
  try {
    const record = await records.read(key);
    if (typeof record !== "object") return true;
    const payload = await records.payloadOf(record);
    const { writer, n } = payload as { readonly writer: string; readonly n: number };
    return !isDeepStrictEqual(payload, payloadOf(writer, n));
  } catch (error) {
    if (isVaultError(error, "ERR_VAULT_CACHE_UNAVAILABLE")) throw error;
    return true;
  }
}
