/**
 * Sends the operations of one turn of the event loop together, a few at a time: the peers' own way, all at the
 * end of the turn, costs a third more, and leaves the server nothing to do until then.
 */
import { setImmediate } from "../../primitives/timers.js";
import type { RespCommands, RespConnection, RespPipeline } from "./vendor.js";

/** So many operations, or operations of so many bytes, do not wait for others. */
const FULL = 24;
const FULL_BYTES = 65_536;

/** An operation to be sent. */
export interface Passenger {
  /** What its command carries, if that is much. */
  readonly bytes: number;
  /** Gives its command to a pipeline; says so, or that there is nothing to send any more. */
  board(to: RespCommands): boolean;
  answered(reply: unknown): void;
  failed(error: unknown): void;
}

/** The pipelines of a connection to one server. */
export class Batcher {
  readonly #connection: RespConnection;
  #waiting: Passenger[] = [];
  #bytes = 0;

  constructor(connection: RespConnection) {
    this.#connection = connection;
  }

  /** Sends an operation at the end of this turn, or as soon as enough of them wait. */
  add(passenger: Passenger): void {
    const count = this.#waiting.push(passenger);
    this.#bytes += passenger.bytes;
    if (count >= FULL || this.#bytes >= FULL_BYTES) this.#send();
    else if (count === 1) setImmediate(this.#send);
  }

  readonly #send = (): void => {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#bytes = 0;
    const pipeline = this.#connection.pipeline() as RespPipeline;
    const sent = waiting.filter((passenger) => passenger.board(pipeline));
    if (sent.length === 0) return;
    pipeline.exec().then(
      (results) => deliver(sent, results),
      (error: unknown) => {
        for (const passenger of sent) passenger.failed(error);
      },
    );
  };
}

function deliver(
  sent: readonly Passenger[],
  results: readonly (readonly [error: Error | null, reply: unknown])[] | null,
): void {
  for (let index = 0; index < sent.length; index++) {
    const result = results?.[index];
    if (result === undefined) sent[index]?.failed(new Error("a pipeline lacks a result"));
    else if (result[0]) sent[index]?.failed(result[0]);
    else sent[index]?.answered(result[1]);
  }
}
