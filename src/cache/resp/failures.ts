/** Determines from an error whether the server executed a command. */
import { redactPath } from "../../primitives/redact-path.js";

/**
 * - `lost`: the command may have been executed, or may still be; a retry may succeed.
 * - `later`: the command was certainly not executed; a retry may succeed.
 * - `full`: the command was certainly not executed, because the server lacks memory.
 * - `refused`: the command was certainly not executed, and a retry is useless.
 */
export type Failure = "lost" | "later" | "full" | "refused";

/** Temporary errors: of servers that start, move slots, fail over or run a slow script. */
const PASSING: ReadonlySet<string> = new Set([
  ...["LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "MOVED", "ASK"],
  // The client libraries assume that a script is loaded once it was sent, even if it was redirected.
  ...["NOREPLICAS", "BUSY", "FAILOVER", "NOSCRIPT"],
]);

/** Errors that the client libraries throw before they send anything. */
const NEVER_SENT: readonly string[] = [
  "Stream isn't writeable",
  "Cluster isn't ready",
  "Too many Cluster redirections",
  "All keys in the pipeline should belong to the same slots allocation group",
];

/** An error inside a script is embedded in a longer message. */
const OUT_OF_MEMORY = /\bOOM command not allowed\b/;
const SCRIPT_READONLY = /-READONLY\b/;

/** The prefix of EXEC's error when it discards a transaction because of another error. */
const DISCARDED = /^EXECABORT Transaction discarded because of: /;

/** Classifies the error of a command. */
export function failureOf(error: unknown): Failure {
  const { name, message } = error as { name?: unknown; message?: unknown };
  const text = String(message).replace(DISCARDED, "");
  if (NEVER_SENT.some((opening) => text.startsWith(opening))) return "later";
  if (name !== "ReplyError") return "lost";
  if (OUT_OF_MEMORY.test(text)) return "full";
  const [code = ""] = text.split(" ", 1);
  return PASSING.has(code) || SCRIPT_READONLY.test(text) ? "later" : "refused";
}

/** The part of a server's message that repeats an unknown command: keys, records, passwords. */
const REPEATED = /,? *with args beginning with.*/is;

/**
 * Returns an error that is safe as a cause. The errors of the client libraries contain the command with its
 * arguments: keys, stored bytes, or the password.
 */
export function causeOf(error: unknown): Error {
  const { name, message, code } = (redactPath(error) ?? {}) as {
    [member in keyof NodeJS.ErrnoException]: unknown;
  };
  const cause = new Error(String(message ?? "").replace(REPEATED, ""));
  Object.defineProperty(cause, "name", { value: String(name ?? "Error"), configurable: true });
  return typeof code === "string" ? Object.assign(cause, { code }) : cause;
}

/** An error inside a script, except for errors that occur before the script writes. */
const IN_SCRIPT = /@user_script\b/;
const BEFORE_WRITES = /\b(?:MISCONF|WRONGTYPE)\b/;

/** Returns whether a script that failed may have written something before. */
export function mayBePartial(error: unknown): boolean {
  const text = String((error as { message?: unknown }).message);
  return IN_SCRIPT.test(text) && !BEFORE_WRITES.test(text);
}

/** Returns whether the server denies the command to this user, or to all users. */
export function isForbidden(error: unknown): boolean {
  const { name, message } = error as { name?: unknown; message?: unknown };
  return name === "ReplyError" && /^NOPERM\b|^ERR unknown (sub)?command/i.test(String(message));
}
