/** Sends the operations of one turn of the event loop together: the peers' own way costs a third more. */
import type { RespCommands, RespConnection, RespPipeline } from "./connection.js";

/** An operation to be sent. */
export interface Passenger {
  /** Gives its command to a pipeline; says so, or that there is nothing to send any more. */
  board(to: RespCommands): boolean;
  answered(reply: unknown): void;
  failed(error: unknown): void;
}

/** The pipelines of a connection to one server. */
export class Batcher {
  readonly #connection: RespConnection;
  #waiting: Passenger[] = [];

  constructor(connection: RespConnection) {
    this.#connection = connection;
  }

  /** Sends an operation at the end of this turn. */
  add(passenger: Passenger): void {
    if (this.#waiting.push(passenger) === 1) setImmediate(this.#send);
  }

  readonly #send = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
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
