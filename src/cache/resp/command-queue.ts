/**
 * Sends the operations of one turn of the event loop together, a few at a time: the peers' own way, all at the
 * end of the turn, costs a third more, and leaves the server nothing to do until then.
 */
import { setImmediate } from "../../primitives/timers.js";
import type { CommandWriter, RespConnection, RespPipeline } from "./vendor.js";

/** So many operations, or operations of so many bytes, do not wait for others. */
const MAX_COMMANDS = 24;
const MAX_BYTES = 65_536;

/** An operation to be sent. */
export interface Pipelined {
  /** What its command carries, if that is much. */
  readonly bytes: number;
  /** Gives its command to a pipeline; says so, or that there is nothing to send any more. */
  writeTo(to: CommandWriter): boolean;
  onReply(reply: unknown): void;
  onError(error: unknown): void;
}

/** The pipelines of a connection to one server. */
export class CommandQueue {
  readonly #connection: RespConnection;
  #waiting: Pipelined[] = [];
  #bytes = 0;

  constructor(connection: RespConnection) {
    this.#connection = connection;
  }

  /** Sends an operation at the end of this turn, or as soon as enough of them wait. */
  add(command: Pipelined): void {
    const count = this.#waiting.push(command);
    this.#bytes += command.bytes;
    if (count >= MAX_COMMANDS || this.#bytes >= MAX_BYTES) this.#send();
    else if (count === 1) setImmediate(this.#send);
  }

  readonly #send = (): void => {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#bytes = 0;
    const pipeline = this.#connection.pipeline() as RespPipeline;
    const sent = waiting.filter((command) => command.writeTo(pipeline));
    if (sent.length === 0) return;
    pipeline.exec().then(
      (results) => deliver(sent, results),
      (error: unknown) => {
        for (const command of sent) command.onError(error);
      },
    );
  };
}

function deliver(
  sent: readonly Pipelined[],
  results: readonly (readonly [error: Error | null, reply: unknown])[] | null,
): void {
  for (let index = 0; index < sent.length; index++) {
    const result = results?.[index];
    if (result === undefined) sent[index]?.onError(new Error("a pipeline lacks a result"));
    else if (result[0]) sent[index]?.onError(result[0]);
    else sent[index]?.onReply(result[1]);
  }
}
