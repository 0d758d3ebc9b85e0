/** Scans of all servers that miss no record, even while a cluster moves slots. */
import { createHash } from "node:crypto";
import { infoField } from "./durability.js";
import { isForbidden } from "./failures.js";
import type { KeySpace } from "./keys.js";
import { checkAllSlots, ownLine } from "./slots.js";
import { mastersOf, type RespConnection, type RespNode } from "./vendor.js";

const KEYS_PER_PAGE = "250";

/** A master as it is now. */
interface Master {
  readonly node: RespNode;
  /** What it says of itself in a cluster. */
  readonly line: string;
  /** Which server, which run of it, and which slots it has, gives and takes. */
  readonly description: string;
  readonly isTaking: boolean;
}

/** The masters in the order of the scan. */
interface Layout {
  readonly masters: readonly Master[];
  /** Changes whenever a cursor of an earlier layout would miss something. */
  readonly fingerprint: string;
}

/** A page of the keys of records. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly cursor: string | undefined;
}

/** What a scan looks for, and where. */
export interface ScanRequest {
  readonly connection: RespConnection;
  readonly space: KeySpace;
  readonly cursor: string | undefined;
  /** Whether a page without keys may be returned rather than the search go on. */
  readonly isLate: () => boolean;
}

/**
 * Returns a page of keys.
 *
 * A server's own cursor means nothing to another, nor to itself once it was restarted; and slots that
 * move from a server which is yet to be scanned to one that has been would be missed. When either
 * happens the scan begins again.
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
  /** Nothing after the last page of the last server. */
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

/** Nothing when every server was scanned and none has changed; else where to begin again. */
async function cursorAfter(
  { fingerprint }: Layout,
  connection: RespConnection,
): Promise<string | undefined> {
  const after = await layoutOf(connection);
  return after.fingerprint === fingerprint ? undefined : `${after.fingerprint}.0.0`;
}

/**
 * Throws while a part of a cluster has no master: a scan without it would pass for complete.
 *
 * Servers that take a slot come after those that give it: its keys move that way only.
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
