/** The introduction that a server sends when a client connects. */

import type { TextHandling } from "../policy/policy-options.js";
import { isObject, type JsonObject, objectAt } from "../protocol/messages.js";
import { isShownVersion, shownVersions } from "../protocol/rpc-errors.js";

/** Data about the server and the request that does not come from the server. */
export interface IntroductionContext {
  readonly server: string;
  readonly texts: TextHandling;
  /** The protocol revision that the client requested, if it named one. */
  readonly asked?: unknown;
}

/** The key in `_meta` where revision 2026-07-28 puts the former `serverInfo`. */
const SERVER_INFO_KEY = "io.modelcontextprotocol/serverInfo";

/**
 * Returns the result of `initialize` or `server/discover` with versions, known capabilities and a
 * name.
 */
export function introduction(
  result: JsonObject,
  { server, texts, asked }: IntroductionContext,
): JsonObject {
  const { protocolVersion, supportedVersions, instructions } = result;
  const inMeta = objectAt(result, "_meta")[SERVER_INFO_KEY];
  return {
    ...(isShownVersion(protocolVersion, asked) ? { protocolVersion } : {}),
    ...(Array.isArray(supportedVersions)
      ? { supportedVersions: shownVersions(supportedVersions, asked) }
      : {}),
    capabilities: capabilitiesOf(objectAt(result, "capabilities")),
    ...(isObject(result["serverInfo"])
      ? { serverInfo: infoOf(result["serverInfo"], { server, texts }) }
      : {}),
    ...(isObject(inMeta)
      ? { _meta: { [SERVER_INFO_KEY]: infoOf(inMeta, { server, texts }) } }
      : {}),
    ...(texts === "pass" && typeof instructions === "string" ? { instructions } : {}),
  };
}

/** The capabilities whose messages the filter handles, and their boolean members. */
const CAPABILITIES: ReadonlyMap<string, readonly string[]> = new Map([
  ["tools", ["listChanged"]],
  ["prompts", ["listChanged"]],
  ["resources", ["listChanged", "subscribe"]],
  ["logging", []],
  ["completions", []],
]);

function capabilitiesOf(given: JsonObject): JsonObject {
  const kept = [...CAPABILITIES].flatMap(([name, switches]) => {
    const capability = given[name];
    if (!isObject(capability)) return [];
    const set = switches.filter((key) => typeof capability[key] === "boolean");
    return [[name, Object.fromEntries(set.map((key) => [key, capability[key]]))] as const];
  });
  return Object.fromEntries(kept);
}

/**
 * One to three numbers of at most two digits, of which the first may be a year from 2000 on. A
 * server can choose at most six digits, which limits the data that a version can carry.
 */
const NUMBERED = /^(?:20\d\d|\d{1,2})(?:\.\d{1,2}){0,2}$/;

function infoOf(info: JsonObject, { server, texts }: IntroductionContext): JsonObject {
  const { name, version } = info;
  const shows = texts === "pass";
  const isShort = typeof version === "string" && (shows || NUMBERED.test(version));
  return {
    name: shows && typeof name === "string" ? name : server,
    version: isShort ? version : "0",
  };
}
