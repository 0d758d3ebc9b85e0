import { readJsonAnswer } from "../json-data.js";
import type { Received } from "./exchange.js";

/** What our servers say of an error over HTTP; other servers say something else, or nothing. */
export interface RefusalBody {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** Reads the body of an answer that is no success. */
export function refusalBodyOf({ body }: Pick<Received, "body">): RefusalBody {
  try {
    const { code, error: message } = Object(readJsonAnswer(body.toString("utf8")));
    return { code, message };
  } catch {
    return {};
  }
}
