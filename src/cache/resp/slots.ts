/** The slots of a cluster, as each master reports its own. */
import type { RespNode } from "./vendor.js";

const SLOTS = 16_384;
/** A range of slots. Moving slots are also listed in brackets, which this does not match. */
const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

/** Returns a server's own line of CLUSTER NODES: its id, its epoch, and its slots, including moving ones. */
export async function ownLine(node: RespNode): Promise<string> {
  const nodes = String(await node.call("CLUSTER", "NODES"));
  const line = nodes.split("\n").find((each) => each.includes("myself"));
  const [id, , , , , , epoch, , ...slots] = (line ?? "").split(" ");
  return [id, epoch, ...slots].join(" ");
}

/**
 * Throws unless the servers with these lines have all slots together. The client libraries forget a master
 * that has died, and the remaining ones must not pass for the whole cluster.
 */
export function checkAllSlots(lines: readonly string[]): void {
  const isServed = new Uint8Array(SLOTS);
  for (const line of lines) {
    for (const word of line.split(" ").slice(2)) {
      const [, first, last = first] = RANGE.exec(word) ?? [];
      if (first !== undefined) isServed.fill(1, Number(first), Number(last) + 1);
    }
  }
  if (isServed.includes(0)) throw new Error("the masters do not have all slots of the cluster");
}
