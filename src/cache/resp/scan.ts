/** Scans of all servers that miss no record, even while a cluster moves slots. */
import { createHash } from "node:crypto";
import { infoField } from "./durability.js";
import { isForbidden } from "./failures.js";
import type { KeySpace } from "./keys.js";
import { checkAllSlots, ownLine } from "./slots.js";
import { mastersOf, type RespConnection, type RespNode } from "./vendor.js";

const KEYS_PER_PAGE = "250";

/** The current state of a master. */
interface Master {
  readonly node: RespNode;
  /** Its own line of CLUSTER NODES; empty outside a cluster. */
  readonly line: string;
  /** Identifies the server, its run, and its slots, including those that it imports or exports. */
  readonly description: string;
  readonly isTaking: boolean;
}

/** The masters in the order of the scan. */
interface Layout {
  readonly masters: readonly Master[];
  /** Changes whenever a cursor of an earlier layout would miss records. */
  readonly fingerprint: string;
}

/** A page of the keys of records. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly cursor: string | undefined;
}

/** The parameters of a scan. */
export interface ScanRequest {
  readonly connection: RespConnection;
  readonly space: KeySpace;
  readonly cursor: string | undefined;
  /** Returns whether to return a page without keys rather than search further. */
  readonly isLate: () => boolean;
}

/**
 * Returns a page of keys.
 *
 * A cursor of a server is meaningless on another server, and on the same server after a restart. Slots
 * that move from a server not scanned yet to one already scanned would be missed. In both cases the scan
 * starts again.
 */
export async function scanKeys(request: ScanRequest): Promise<KeyPage> {
  const layout = await layoutOf(request.connection);
  let place: Place | undefined = placeIn(layout, request.cursor);
  for (;;) {
    const page: ServerPage = await scanAt(layout, place, request.space);
    place = page.next;
    if (place === undefined) {
      return { keys: page.keys, cursor: await cursorAfter(layout, request.connection) };
    }
    if (page.keys.length > 0 || request.isLate()) {
      return { keys: page.keys, cursor: `${layout.fingerprint}.${place.index}.${place.cursor}` };
    }
  }
}

interface ServerPage {
  readonly keys: readonly string[];
  /** `undefined` after the last page of the last server. */
  readonly next: Place | undefined;
}

async function scanAt(
  { masters }: Layout,
  { index, cursor }: Place,
  space: KeySpace,
): Promise<ServerPage> {
  const node = masters[index]?.node;
  if (node === undefined) throw new RangeError("cursor must come from an earlier scan");
  const reply = await node.call("SCAN", cursor, "MATCH", space.pattern, "COUNT", KEYS_PER_PAGE);
  const [inner, found] = reply as [unknown, unknown[]];
  const keys = found.map((each) => space.keyOf(String(each))).filter((key) => key !== undefined);
  if (String(inner) !== "0") return { keys, next: { index, cursor: String(inner) } };
  const isLast = index + 1 >= masters.length;
  return { keys, next: isLast ? undefined : { index: index + 1, cursor: "0" } };
}

interface Place {
  readonly index: number;
  readonly cursor: string;
}

function placeIn({ fingerprint }: Layout, cursor: string | undefined): Place {
  if (cursor === undefined) return { index: 0, cursor: "0" };
  const parsed = /^([0-9a-f]{16})\.(\d{1,5})\.(\d{1,20})$/.exec(cursor);
  if (parsed === null) throw new RangeError("cursor must come from an earlier scan");
  const [, given, index, inner = "0"] = parsed;
  return given === fingerprint
    ? { index: Number(index), cursor: inner }
    : { index: 0, cursor: "0" };
}

/** Returns `undefined` if no server has changed during the scan, otherwise the cursor of a new scan. */
async function cursorAfter(
  { fingerprint }: Layout,
  connection: RespConnection,
): Promise<string | undefined> {
  const after = await layoutOf(connection);
  return after.fingerprint === fingerprint ? undefined : `${after.fingerprint}.0.0`;
}

/**
 * Returns the masters. Throws while a part of a cluster has no master, because the scan would seem to be
 * complete without it.
 *
 * Servers that import a slot come after those that export it, because keys only move in this direction.
 */
async function layoutOf(connection: RespConnection): Promise<Layout> {
  const isCluster = connection.isCluster === true;
  const described = await Promise.all(
    mastersOf(connection).map((node) => describe(node, isCluster)),
  );
  if (isCluster) checkAllSlots(described.map(({ line }) => line));
  const masters = described.sort(
    (a, b) => Number(a.isTaking) - Number(b.isTaking) || (a.description < b.description ? -1 : 1),
  );
  const hash = createHash("sha256");
  for (const { description } of masters) hash.update(`${description}\n`);
  return { masters, fingerprint: hash.digest("hex").slice(0, 16) };
}

async function describe(node: RespNode, isCluster: boolean): Promise<Master> {
  const [run, line] = await Promise.all([runOf(node), isCluster ? ownLine(node) : ""]);
  return { node, line, description: `${line} ${run}`, isTaking: line.includes("-<-") };
}

async function runOf(node: RespNode): Promise<string> {
  try {
    return infoField(await node.info("server"), "run_id") ?? "";
  } catch (error) {
    if (isForbidden(error)) return "";
    throw error;
  }
}
