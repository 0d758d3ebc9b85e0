/** What a rejected command says about whether it was executed. */
import { redactPath } from "../../primitives/redact-path.js";

/**
 * - `lost`: it may have been executed, or may be yet; trying again may succeed.
 * - `later`: it certainly was not executed; trying again may succeed.
 * - `full`: it certainly was not executed, for want of memory.
 * - `refused`: it certainly was not executed, and will not be.
 */
export type Failure = "lost" | "later" | "full" | "refused";

/** Replies of servers that start, move slots, fail over or run a slow script. */
const PASSING: ReadonlySet<string> = new Set([
  ...["LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "MOVED", "ASK"],
  // The peers take a script for loaded once it was sent, even if the server sent it elsewhere.
  ...["NOREPLICAS", "BUSY", "FAILOVER", "NOSCRIPT"],
]);

/** The peers' own refusals, before anything is sent. */
const NEVER_SENT: readonly string[] = [
  "Stream isn't writeable",
  "Cluster isn't ready",
  "Too many Cluster redirections",
  "All keys in the pipeline should belong to the same slots allocation group",
];

/** Lua puts the reply of a failed command at the end of a sentence of its own. */
const OUT_OF_MEMORY = /\bOOM command not allowed\b/;
const SCRIPT_READONLY = /-READONLY\b/;

/** What EXEC puts before the error for which it executes nothing. */
const DISCARDED = /^EXECABORT Transaction discarded because of: /;

/** Tells what a command's rejection means. */
export function failureOf(error: unknown): Failure {
  const { name, message } = error as { name?: unknown; message?: unknown };
  const text = String(message).replace(DISCARDED, "");
  if (NEVER_SENT.some((opening) => text.startsWith(opening))) return "later";
  if (name !== "ReplyError") return "lost";
  if (OUT_OF_MEMORY.test(text)) return "full";
  const [code = ""] = text.split(" ", 1);
  return PASSING.has(code) || SCRIPT_READONLY.test(text) ? "later" : "refused";
}

/** What servers repeat of a command they do not know: keys, records, passwords. */
const REPEATED = /,? *with args beginning with.*/is;

/**
 * Returns an error to hand on as a cause. The peers' own carry the command with its arguments: keys,
 * stored bytes, or the password.
 */
export function causeOf(error: unknown): Error {
  const { name, message, code } = (redactPath(error) ?? {}) as {
    [member in keyof NodeJS.ErrnoException]: unknown;
  };
  const cause = new Error(String(message ?? "").replace(REPEATED, ""));
  Object.defineProperty(cause, "name", { value: String(name ?? "Error"), configurable: true });
  return typeof code === "string" ? Object.assign(cause, { code }) : cause;
}

/** A command of a script failed, but not for what every write or the first read would fail for. */
const IN_SCRIPT = /@user_script\b/;
const BEFORE_WRITES = /\b(?:MISCONF|WRONGTYPE)\b/;

/** Tells whether a script that was refused may have written something before. */
export function mayBePartial(error: unknown): boolean {
  const text = String((error as { message?: unknown }).message);
  return IN_SCRIPT.test(text) && !BEFORE_WRITES.test(text);
}

/** Tells whether the server does not let this user, or anybody, give the command. */
export function isForbidden(error: unknown): boolean {
  const { name, message } = error as { name?: unknown; message?: unknown };
  return name === "ReplyError" && /^NOPERM\b|^ERR unknown (sub)?command/i.test(String(message));
}
