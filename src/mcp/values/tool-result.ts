/** Reads and builds results of tool calls. */

import { isObject, type JsonObject } from "../protocol/messages.js";
import { type HandleForm, PREFIX } from "./handle-form.js";
import { linkTo } from "./handle-links.js";

/** The result of a tool call, of any protocol revision. */
export interface ToolResult extends JsonObject {
  readonly content: readonly JsonObject[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

/** The value in a tool's result, without the form of the result. */
export interface ToolValue {
  /**
   * The structured content; otherwise the only text, parsed if it is JSON; otherwise all content.
   */
  readonly value: unknown;
  /** Whether the value came as structured content. */
  readonly isStructured: boolean;
  /**
   * Whether JSON pointers apply to the value. They do not apply to texts and other content, whose
   * form the protocol defines.
   */
  readonly isData: boolean;
  /** Images, sounds, resources and links that accompany structured content. */
  readonly beside: readonly unknown[];
}

/**
 * Returns the value of a result. Texts that accompany structured content repeat it, so they are
 * omitted.
 */
export function toolValue(result: JsonObject): ToolValue {
  const content = Array.isArray(result["content"]) ? result["content"] : [];
  if (result["structuredContent"] !== undefined) {
    const beside = content.filter((block) => !isText(block));
    return { value: result["structuredContent"], isStructured: true, isData: true, beside };
  }
  return { ...valueOfContent(content), isStructured: false, beside: [] };
}

function valueOfContent(content: readonly unknown[]): Pick<ToolValue, "value" | "isData"> {
  const [only] = content;
  if (content.length !== 1 || !isText(only)) return { value: content, isData: false };
  try {
    const parsed: unknown = JSON.parse(only.text);
    if (typeof parsed === "object" && parsed !== null) return { value: parsed, isData: true };
  } catch {
    // A text that is not JSON is itself the value.
  }
  return { value: only.text, isData: false };
}

function isText(block: unknown): block is { readonly text: string } {
  return isObject(block) && block["type"] === "text" && typeof block["text"] === "string";
}

/**
 * Returns a text block for the model only, or also for people. The audience is a hint, not a
 * protection.
 */
function textBlock(text: string, audience: readonly ("assistant" | "user")[]): JsonObject {
  return { type: "text", text, annotations: { audience } };
}

/** The data of a result that replaces a tool's result. */
export interface SealedResult {
  /** The value with handles in it. */
  readonly value: unknown;
  readonly isStructured: boolean;
  /** Every handle of the value, in the order of its places. */
  readonly forms: readonly HandleForm[];
  /** The handle of the content that accompanied the value. */
  readonly beside?: HandleForm | undefined;
  readonly isError: boolean;
  /** Whether the result contains a link to every handle. */
  readonly hasLinks: boolean;
}

/** Returns a result in which every text is generated from the sealed value. */
export function sealedResult(sealed: SealedResult): ToolResult {
  const { value, isStructured, forms, beside, isError, hasLinks } = sealed;
  const [first] = forms;
  const shown = beside === undefined ? [value] : [value, beside];
  const all = beside === undefined ? forms : [...forms, beside];
  return {
    content: [
      ...(first !== undefined && first === value
        ? [textBlock(first.safe_view, ["user", "assistant"])]
        : []),
      ...shown.map((part) => textBlock(JSON.stringify(part), ["assistant"])),
      ...(hasLinks ? all.map(linkTo) : []),
    ],
    ...(isStructured ? { structuredContent: value } : {}),
    ...(isError ? { isError } : {}),
    _meta: { [`${PREFIX}handles`]: all.map(({ handle_id }) => handle_id) },
  };
}

/** Returns a tool error with a text of this library. */
export function toolError(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
