/** Removes opened values from visible content of a tool's result, and keeps the content's form. */

import { CONTENT_WITHHELD } from "../protocol/fixed-texts.js";
import { isObject, type JsonObject } from "../protocol/messages.js";
import type { Echoes } from "./echoes.js";

/** Member names that the protocol defines, for blocks and resources of all revisions. */
const PROTOCOL_NAMES: ReadonlySet<string> = new Set([
  "type",
  "text",
  "data",
  "mimeType",
  "resource",
  "uri",
  "blob",
  "name",
  "title",
  "description",
  "size",
  "icons",
  "annotations",
  "_meta",
]);

const TYPE = /^[a-z_]{1,32}$/;
/** Type and subtype (RFC 6838), and at most one parameter such as a charset. */
const MEDIA_TYPE = /^[\w.+-]{1,127}\/[\w.+-]{1,127}(?:; ?[\w-]{1,32}=[\w.-]{1,32})?$/;

/**
 * Returns copies of content blocks without opened values. A block in which a handle cannot be
 * inserted is replaced.
 */
export function watchedContent(content: readonly unknown[], echoes: Echoes): JsonObject[] {
  if (echoes.isEmpty) return content as JsonObject[];
  return content.map((block) => {
    if (!isObject(block)) return { type: "text", text: JSON.stringify(echoes.suppressIn(block)) };
    return watchedBlock(block, echoes) ?? { type: "text", text: CONTENT_WITHHELD };
  });
}

/**
 * Returns a block without opened values, or `undefined` if its bytes contain one, because a handle
 * cannot be inserted into bytes.
 */
function watchedBlock(block: JsonObject, echoes: Echoes): JsonObject | undefined {
  const names = Object.keys(block);
  const unknown = names.filter((name) => !PROTOCOL_NAMES.has(name));
  const renamed = echoes.suppressInNames(unknown);
  const watched: Record<string, unknown> = {};
  for (const name of names) {
    const member = watchedMember(name, block[name], echoes);
    if (member === undefined) return undefined;
    watched[renamed[unknown.indexOf(name)] ?? name] = member.value;
  }
  return watched;
}

function watchedMember(
  name: string,
  member: unknown,
  echoes: Echoes,
): { readonly value: unknown } | undefined {
  if (isForm(name, member)) return { value: member };
  if (name === "annotations" && isObject(member)) return { value: annotationsOf(member) };
  if (name === "resource" && isObject(member)) {
    const resource = watchedBlock(member, echoes);
    return resource && { value: resource };
  }
  const value = echoes.suppressIn(member);
  const isBytes = name === "data" || name === "blob";
  return isBytes && value !== member ? undefined : { value };
}

/** Returns whether a member describes the form of its block in terms that the protocol defines. */
function isForm(name: string, member: unknown): boolean {
  if (name === "type") return typeof member === "string" && TYPE.test(member);
  if (name === "mimeType") return typeof member === "string" && MEDIA_TYPE.test(member);
  return name === "size" && typeof member === "number";
}

const AUDIENCES: readonly unknown[] = ["assistant", "user"];
const TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]{5,20}(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Returns the annotations that the protocol defines, which are hints for the client. Others are
 * omitted.
 */
function annotationsOf({ audience, priority, lastModified }: JsonObject): JsonObject {
  const isAudience = Array.isArray(audience) && audience.every((one) => AUDIENCES.includes(one));
  const isTime = typeof lastModified === "string" && TIME.test(lastModified);
  return {
    ...(isAudience ? { audience } : {}),
    ...(typeof priority === "number" ? { priority } : {}),
    ...(isTime ? { lastModified } : {}),
  };
}
