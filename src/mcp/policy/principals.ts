/** Principals of an agent: a server or one of its tools, for one subject. */
import { checkPrincipal } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";

/** A tool of a server, as a policy names it: `server/tool`. */
export interface ToolName {
  readonly server: string;
  readonly tool: string;
}

const SERVER = /^[A-Za-z0-9_.-]{1,64}$/;
const TOOL = /^[A-Za-z0-9_./-]{1,128}$/;

/**
 * Returns whether a value can be the name of a tool. The name has no `#`, which separates it from
 * the subject in a principal.
 */
export function isToolName(name: unknown): name is string {
  return typeof name === "string" && TOOL.test(name);
}

/** Throws unless `name` can be the name of a server. */
export function checkServerName(name: unknown, where: string): asserts name is string {
  if (typeof name !== "string") throw new TypeError(`${where} must be a string`);
  if (!SERVER.test(name)) {
    throw new RangeError(`${where} must have 1 to 64 characters of A-Z a-z 0-9 . _ -`);
  }
}

/** Throws unless `name` can be the name of a tool. */
export function checkToolName(name: unknown, where: string): asserts name is string {
  if (typeof name !== "string") throw new TypeError(`${where} must be a string`);
  if (!TOOL.test(name)) {
    throw new RangeError(`${where} must have 1 to 128 characters of A-Z a-z 0-9 . _ / -`);
  }
}

/** Returns the parts of a grant, `server/tool`. Both are exact names, not patterns. */
export function parseGrant(grant: unknown, where: string): ToolName {
  if (typeof grant !== "string") throw new TypeError(`${where} must be a string: server/tool`);
  const slash = grant.indexOf("/");
  const name = { server: grant.slice(0, Math.max(slash, 0)), tool: grant.slice(slash + 1) };
  if (slash < 0 || !SERVER.test(name.server) || !TOOL.test(name.tool)) {
    throw new RangeError(`${where} must name one tool exactly: server/tool`);
  }
  return name;
}

/** Returns the principal that owns the handles of a wrapped server for a subject. */
export function serverPrincipal(server: string, subject: string): string {
  return `mcp-server:${server}#${subject}`;
}

/** Returns the principal as which a tool opens handles for a subject. */
export function toolPrincipal({ server, tool }: ToolName, subject: string): string {
  return `mcp-tool:${server}/${tool}#${subject}`;
}

/**
 * The maximum length of a subject, in characters. A principal needs room for the names before it.
 */
const MAX_SUBJECT_CHARACTERS = 512;

/**
 * Results of `String()` for missing values. If they were accepted, all callers without a subject
 * would share one.
 */
const MISSING: ReadonlySet<string> = new Set([
  "undefined",
  "null",
  "NaN",
  "true",
  "false",
  "[object Object]",
  "[object Promise]",
]);

/** Throws unless `principal` is a text and not the text of a missing value. */
export function checkKnown(principal: unknown, name: string): asserts principal is string {
  checkPrincipal(principal, name);
  if (MISSING.has(principal)) {
    throw new RangeError(`${name} is the text of a missing value: check for it, and throw`);
  }
}

/** Throws unless `subject` can be the subject of a principal. */
export function checkSubject(subject: unknown): asserts subject is string {
  checkKnown(subject, "subject");
  if (subject.length > MAX_SUBJECT_CHARACTERS) {
    throw new RangeError(`subject must have at most ${MAX_SUBJECT_CHARACTERS} characters`);
  }
}

/**
 * Returns a function that asks for the subject and checks it once. The subject therefore stays the
 * same for the whole request.
 */
export function subjectOnce(ask: () => MaybePromise<string>): () => Promise<string> {
  let asked: Promise<string> | undefined;
  return () => {
    asked ??= askFor(ask);
    return asked;
  };
}

async function askFor(ask: () => MaybePromise<string>): Promise<string> {
  const subject: unknown = await ask();
  checkSubject(subject);
  return subject;
}
