/**
 * Reads the URL of a server, in the form of ioredis and iovalkey: a query adds to the other parts.
 *
 * No part of a URL is ignored: unknown, repeated and invalid parts throw a `TypeError`. Messages name the
 * part and never repeat the URL, which may contain a password.
 */
import { checkOptions } from "../../vault/checks.js";

const NAME = "the query of target.url";
const PROTOCOLS: ReadonlySet<string> = new Set(["redis:", "rediss:", "valkey:", "valkeys:"]);
const SECURE: ReadonlySet<string> = new Set(["rediss:", "valkeys:"]);
const DATABASE = /^\/?(\d{0,9})\/?$/;
const WHOLE_NUMBER = /^\d{1,9}$/;
/** The parameters of the query, and the functions that read their values. */
const PARAMETERS = {
  username: text,
  password: text,
  db: wholeNumber,
  family: wholeNumber,
  connectTimeout: wholeNumber,
  keyPrefix: text,
  tls: onlyTrue,
} as const;
const KNOWN: ReadonlySet<string> = new Set(Object.keys(PARAMETERS));

type Query = {
  readonly [Name in keyof typeof PARAMETERS]?: ReturnType<(typeof PARAMETERS)[Name]>;
};

/** The parts of a URL: settings of the connection and of the cache. */
export interface UrlParts {
  readonly host: string;
  readonly port?: number;
  readonly family?: number;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls?: object;
  readonly connectTimeoutMs?: number;
  readonly keyPrefix?: string;
}

/** Returns the parts of a URL. */
export function readUrl(given: string): UrlParts {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const [, database] = DATABASE.exec(url?.pathname ?? "") ?? [];
  // A fragment or a comma means an unescaped password or a list of servers.
  const isServer = /^[^,]+$/.test(url?.hostname ?? "") && !given.includes("#");
  if (url === undefined || database === undefined || !isServer || !PROTOCOLS.has(url.protocol)) {
    throw notUrl();
  }
  const { connectTimeout, tls, ...query } = readQuery(url);
  const isSecure = tls === true || SECURE.has(url.protocol);
  const authority = {
    ...(url.username === "" ? {} : { username: decoded(url.username) }),
    ...(url.password === "" ? {} : { password: decoded(url.password) }),
    ...(database === "" ? {} : { db: Number(database) }),
  };
  for (const name of Object.keys(authority)) {
    if (name in query) throw new TypeError(`target.url must not give ${name} twice`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(isSecure ? { tls: {} } : {}),
    ...(connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout }),
    ...authority,
    ...query,
  };
}

function readQuery({ searchParams }: URL): Query {
  const names = [...searchParams.keys()];
  // If a password is not escaped, a part of it can look like the name of a parameter.
  if (names.some((name) => name.includes("@"))) throw notUrl();
  checkOptions(Object.fromEntries(searchParams), NAME, KNOWN);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new TypeError(`target.url must not give ${repeated} twice`);
  const known = names as (keyof typeof PARAMETERS)[];
  const values = known.map((name) => [name, PARAMETERS[name](searchParams.get(name) ?? "", name)]);
  return Object.fromEntries(values) as Query;
}

function text(value: string, name: string): string {
  if (value === "") throw new TypeError(`${NAME} must not have an empty ${name}`);
  return value;
}

function wholeNumber(value: string, name: string): number {
  if (!WHOLE_NUMBER.test(value)) throw new TypeError(`${NAME} must have a whole number as ${name}`);
  return Number(value);
}

/** Accepts only "true": the client libraries treat every value as true, even "false" and "0". */
function onlyTrue(value: string, name: string): true {
  if (value !== "true") throw new TypeError(`${NAME} must have ${name}=true, or no ${name}`);
  return true;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notUrl();
  }
}

function notUrl(): TypeError {
  return new TypeError(
    "target must be a URL such as redis://user:password@host:6379/0, with its parts percent-encoded",
  );
}
