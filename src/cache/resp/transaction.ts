/** Several commands that a server executes all at once, or not at all. */
import type { CommandWriter, RespConnection, RespPipeline } from "./vendor.js";

type Result = readonly [error: Error | null, reply: unknown];

/** What became of a transaction. */
export interface Transacted {
  /** What the commands answered; those that failed answered an error. */
  readonly replies: readonly unknown[];
  /** Why not all of the commands were executed. */
  readonly error: Error | undefined;
}

/** Sends what `give` gives as one transaction. Rejects when the connection was lost meanwhile. */
export async function transact(
  connection: RespConnection,
  give: (to: CommandWriter) => void,
): Promise<Transacted> {
  const pipeline = connection.pipeline() as RespPipeline;
  pipeline.multi();
  give(pipeline);
  // Within a transaction the first call only adds EXEC; the second sends everything.
  void pipeline.exec();
  const results = (await pipeline.exec()) ?? [];
  const [begun, ended] = [results[0], results.at(-1)];
  if (begun === undefined || ended === undefined) throw new Error("a transaction has no result");
  // Where MULTI was refused and the commands were not, each was executed by itself.
  const replies = begun[0] === null ? ended[1] : results.slice(1, -1).map(replyOf);
  const each = Array.isArray(replies) ? (replies as unknown[]) : [];
  // The first error tells why; that of EXEC may tell only that there was one.
  const error = results.find(([failed]) => failed !== null)?.[0] ?? each.find(isError);
  return { replies: each, error };
}

function replyOf([error, reply]: Result): unknown {
  return error ?? reply;
}

function isError(reply: unknown): reply is Error {
  return reply instanceof Error;
}
