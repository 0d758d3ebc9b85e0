/**
 * Pipelines the commands of one turn of the event loop, a few at a time. The client libraries would send
 * all of them at the end of the turn, which costs a third more and leaves the server idle until then.
 */
import { setImmediate } from "../../primitives/timers.js";
import type { CommandWriter, RespConnection, RespPipeline } from "./vendor.js";

/** A pipeline with this many commands, or this many bytes, is sent at once. */
const MAX_COMMANDS = 24;
const MAX_BYTES = 65_536;

/** A command that can be sent in a pipeline. */
export interface Pipelined {
  /** The size of its values, if they are large. */
  readonly bytes: number;
  /** Writes the command to a pipeline. Returns false if the operation was settled before. */
  writeTo(to: CommandWriter): boolean;
  onReply(reply: unknown): void;
  onError(error: unknown): void;
}

/** Collects the commands for one server, and sends them in pipelines. */
export class CommandQueue {
  readonly #connection: RespConnection;
  #waiting: Pipelined[] = [];
  #bytes = 0;

  constructor(connection: RespConnection) {
    this.#connection = connection;
  }

  /** Sends a command at the end of this turn, or as soon as enough commands are queued. */
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
