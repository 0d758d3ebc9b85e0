/** The arguments of `handlevault mcp-proxy`. */
import { parseArgs } from "node:util";
import { usageError } from "./command-error.js";
import type { SessionLimits } from "./http-sessions.js";

/** The server's address: a command that starts it, or its URL. */
export type ServerAddress =
  | { readonly command: readonly string[] }
  | { readonly url: URL; readonly tokenVariable: string | undefined };

/** The address that clients connect to. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** The parsed arguments. */
export interface McpProxyOptions {
  readonly policy: string;
  readonly server: string;
  /** The task: explain a recorded result, or run as a proxy for a server. */
  readonly task: { readonly explain: string } | { readonly address: ServerAddress };
  /** `undefined` for standard input and output. */
  readonly listen: ListenAddress | undefined;
  readonly allowedHosts: readonly string[];
  readonly sessions: SessionLimits;
  readonly errors: "discard" | "inherit";
}

const OPTIONS = {
  policy: { type: "string" },
  server: { type: "string" },
  url: { type: "string" },
  "url-token-env": { type: "string" },
  listen: { type: "string" },
  "allow-host": { type: "string", multiple: true },
  "max-sessions": { type: "string" },
  "max-sessions-per-subject": { type: "string" },
  "upstream-stderr": { type: "string" },
  explain: { type: "string" },
} as const;

const HINT = 'see "handlevault mcp-proxy --help"';

/** Returns whether the arguments ask for help. Arguments after the server's command belong to the server. */
export function asksForHelp(args: readonly string[]): boolean {
  return beforeCommand(args).some((arg) => arg === "--help" || arg === "-h");
}

/** @throws CommandError The arguments are invalid. The message says how to correct them. */
export function readMcpProxyOptions(args: readonly string[]): McpProxyOptions {
  const own = beforeCommand(args);
  const command = args.slice(own.length + 1);
  const values = parse(own);
  const { policy, server, "allow-host": allowedHosts = [] } = values;
  if (policy === undefined) throw usageError(`--policy is missing; ${HINT}`);
  if (server === undefined) throw usageError(`--server is missing; ${HINT}`);
  return {
    policy,
    server,
    task: taskOf(values, command),
    listen: values.listen === undefined ? undefined : listenAddress(values.listen),
    allowedHosts,
    sessions: sessionLimits(values),
    errors: errorsOf(values["upstream-stderr"]),
  };
}

function beforeCommand(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

type Values = ReturnType<typeof parseArgs<{ readonly options: typeof OPTIONS }>>["values"];

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw usageError(`${problemOf(error)}; ${HINT}`);
  }
}

/** Shortens Node's message, which adds hints that do not apply here. */
function problemOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const name = /'(--?[a-z][a-z-]{0,30})/.exec(String(message))?.[1] ?? "an option";
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") return `${name} is not an option`;
  if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") return `${name} needs a value`;
  return "the server's command comes after --";
}

function taskOf(values: Values, command: readonly string[]): McpProxyOptions["task"] {
  const { explain, url, "url-token-env": tokenVariable } = values;
  if (explain !== undefined) return { explain };
  if (url !== undefined && command.length > 0) {
    throw usageError("there is both --url and a command: the server is one or the other");
  }
  if (url !== undefined) return { address: { url: serverUrl(url), tokenVariable } };
  if (command.length > 0) return { address: { command } };
  throw usageError(`the server is missing: give its command after --, or --url; ${HINT}`);
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Requires TLS for remote servers, because results from the server are not sealed yet. */
function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === "http:" && LOOPBACK_NAMES.has(url.hostname);
  if (url === undefined || !(url.protocol === "https:" || isLocal)) {
    throw usageError("--url must be an https URL, or http on this machine");
  }
  if (url.username !== "" || url.password !== "") {
    throw usageError("--url must not hold a password: use --url-token-env");
  }
  return url;
}

function listenAddress(text: string): ListenAddress {
  const { host, port } =
    /^(?:(?<host>\[[^\]]+\]|[^:]+):)?(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) {
    throw usageError("--listen must be a port, or host:port");
  }
  return { host: host?.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

const MAX_SESSIONS = 100;
/** The default limit on sessions, equal to that on connections. */
const MOST_SESSIONS = 1000;
/** By default each subject may have this fraction (1/10) of all sessions. */
const SHARES = 10;

function sessionLimits(values: Values): SessionLimits {
  const max = countOf(values, "max-sessions") ?? MAX_SESSIONS;
  const perSubject = countOf(values, "max-sessions-per-subject") ?? Math.ceil(max / SHARES);
  return { max, perSubject };
}

function countOf(
  values: Values,
  name: "max-sessions" | "max-sessions-per-subject",
): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_SESSIONS) return count;
  throw usageError(`--${name} must be a whole number from 1 to ${MOST_SESSIONS}`);
}

function errorsOf(given: string | undefined): "discard" | "inherit" {
  if (given === undefined || given === "discard" || given === "inherit") return given ?? "discard";
  throw usageError("--upstream-stderr must be discard or inherit");
}
