/** Which slots the masters of a cluster have, each by its own account. */
import type { RespNode } from "./vendor.js";

const SLOTS = 16_384;
/** Those that move stand in brackets, and in the ranges of the server that gives them too. */
const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

/** Returns what a server says of itself: its id, its epoch, and its slots with those that move. */
export async function ownLine(node: RespNode): Promise<string> {
  const nodes = String(await node.call("CLUSTER", "NODES"));
  const line = nodes.split("\n").find((each) => each.includes("myself"));
  const [id, , , , , , epoch, , ...slots] = (line ?? "").split(" ");
  return [id, epoch, ...slots].join(" ");
}

/**
 * Throws unless every slot is a slot of one of the servers whose lines these are: the peers forget a
 * master that died, and the others would be taken for the whole cluster.
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
