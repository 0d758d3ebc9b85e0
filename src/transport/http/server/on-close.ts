/** Tells when a server is rid of an answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

const unanswered = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back once an answer is sent or its connection is gone.
 *
 * Of several answers that wait for one connection, Node tells only the first that it is gone.
 */
export function whenAnswered(
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
