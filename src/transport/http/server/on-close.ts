/** Detects when a server has released a response. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

const unanswered = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back once a response is sent or its connection is closed.
 *
 * When several responses wait on one connection, Node reports the close only to the first.
 */
export function onceResponded(
  { socket }: Pick<IncomingMessage, "socket">,
  outgoing: ServerResponse,
  done: () => void,
): void {
  if (socket.destroyed || outgoing.closed) {
    done();
    return;
  }
  const waiting = waitingOn(socket);
  const finish = (): void => {
    if (waiting.delete(finish)) done();
  };
  waiting.add(finish);
  outgoing.once("close", finish);
}

function waitingOn(socket: Socket): Set<() => void> {
  const known = unanswered.get(socket);
  if (known !== undefined) return known;
  const waiting = new Set<() => void>();
  unanswered.set(socket, waiting);
  socket.once("close", () => {
    for (const finish of waiting) finish();
  });
  return waiting;
}
