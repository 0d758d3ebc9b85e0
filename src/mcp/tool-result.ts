/** The result of a tool call: what is in it, and results in words of our own. */
import { type HandleForm, PREFIX } from "./handle-form.js";
import { linkTo } from "./handle-links.js";
import { isObject, type JsonObject } from "./messages.js";

/** The result of a tool call, of any protocol revision. */
export interface ToolResult extends JsonObject {
  readonly content: readonly JsonObject[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

/** What a tool returned, apart from how it was put. */
export interface ToolValue {
  /** Structured content; else the only text, parsed if it is JSON; else all the content. */
  readonly value: unknown;
  /** Whether the value came as structured content. */
  readonly isStructured: boolean;
  /** Whether pointers apply to it: not to texts and other content, whose form is the protocol's. */
  readonly isData: boolean;
  /** Images, sounds, resources and links that came beside structured content. */
  readonly beside: readonly unknown[];
}

/** Returns the value of a result. Texts beside structured content say the same again: they are left out. */
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
    // A text that is no JSON is a value of its own.
  }
  return { value: only.text, isData: false };
}

function isText(block: unknown): block is { readonly text: string } {
  return isObject(block) && block["type"] === "text" && typeof block["text"] === "string";
}

/** A text of a result, for the model alone or for people, too. These are hints, no protection. */
function textBlock(text: string, audience: readonly ("assistant" | "user")[]): JsonObject {
  return { type: "text", text, annotations: { audience } };
}

/** What a result shows in place of what a tool returned. */
export interface SealedResult {
  /** The value with handles in it. */
  readonly value: unknown;
  readonly isStructured: boolean;
  /** Every handle of the value, in the order of its places. */
  readonly forms: readonly HandleForm[];
  /** The handle of what came beside the value. */
  readonly beside?: HandleForm | undefined;
  readonly isError: boolean;
  /** Whether every handle has a link, too. */
  readonly hasLinks: boolean;
}

/** Returns a result in which every text is made from the sealed value. */
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

/** Returns a tool error in words of our own. */
export function toolError(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
