/** Commands that a server executes atomically. */
import type { CommandWriter, RespConnection, RespPipeline } from "./vendor.js";

type Result = readonly [error: Error | null, reply: unknown];

/** The result of a transaction. */
export interface Transacted {
  /** The replies of the commands; an error for each command that failed. */
  readonly replies: readonly unknown[];
  /** The reason why not all commands were executed. */
  readonly error: Error | undefined;
}

/** Sends the commands that `write` writes as one transaction. Rejects if the connection was lost. */
export async function transact(
  connection: RespConnection,
  write: (to: CommandWriter) => void,
): Promise<Transacted> {
  const pipeline = connection.pipeline() as RespPipeline;
  pipeline.multi();
  write(pipeline);
  // In a transaction the first call of `exec` only adds EXEC; the second one sends the pipeline.
  void pipeline.exec();
  const results = (await pipeline.exec()) ?? [];
  const [begun, ended] = [results[0], results.at(-1)];
  if (begun === undefined || ended === undefined) throw new Error("a transaction has no result");
  // If MULTI was denied but the commands were not, each of them was executed separately.
  const replies = begun[0] === null ? ended[1] : results.slice(1, -1).map(replyOf);
  const each = Array.isArray(replies) ? (replies as unknown[]) : [];
  // The first error is the cause; that of EXEC may only report that there was one.
  const error = results.find(([failed]) => failed !== null)?.[0] ?? each.find(isError);
  return { replies: each, error };
}

function replyOf([error, reply]: Result): unknown {
  return error ?? reply;
}

function isError(reply: unknown): reply is Error {
  return reply instanceof Error;
}
