/** Hydrates server-sent events with JSON data, such as the deltas that model services send. */
import {
  isPointer,
  type JsonPointer,
  parsePointer,
  valueAt,
} from "../../primitives/json-pointer.js";
import type { Vault } from "../../vault/vault.js";
import type { OutputFormat } from "../render/output-format.js";
import { EventSplitter } from "./event-splitter.js";
import { type EventDeltas, type HydrateDeltasOptions, hydrateDeltas } from "./hydrate-deltas.js";

/** The place of a delta in the data of an event. */
export interface DeltaPlace {
  /** The key of the text that it belongs to. */
  readonly key: string;
  /** A JSON pointer to a string; a value of another type is not a delta. */
  readonly at: string;
  /** The format of that text, if it differs from that of the options. */
  readonly format?: OutputFormat | undefined;
}

/** The places of deltas in an event's data, and the texts that the event ends. */
export interface DeltaPlaces {
  readonly deltas?: readonly DeltaPlace[] | undefined;
  /** The keys of texts that end with this event: `a` also ends `a/b`. `"all"` ends every text. */
  readonly ends?: readonly string[] | "all" | undefined;
}

/** Options of {@link hydrateServerSentEvents}. */
export interface HydrateServerSentEventsOptions
  extends Omit<HydrateDeltasOptions<never>, "read" | "write"> {
  /**
   * Returns the places of deltas in an event's data, such as {@link openAiDeltas} and {@link
   * anthropicDeltas}.
   */
  readonly read: (data: unknown) => DeltaPlaces | undefined;
}

/** One event: its original text, its data if that is JSON, and the places of deltas in it. */
interface ServerSentEvent {
  readonly text: string;
  readonly data: unknown;
  readonly pointers: readonly JsonPointer[];
  readonly found: EventDeltas;
}

const DATA_LINE = /^data(?:: ?(.*))?$/s;
const LINE_END = /\r\n|\n|\r/;
/** The data of the last event in the streams of OpenAI and compatible services. */
const DONE = "[DONE]";

/**
 * Returns a pair of streams, for `pipeThrough`, that hydrates the deltas in server-sent events. Events
 * without deltas, and data that is not JSON, pass unchanged; `[DONE]` ends all texts. A byte order mark at
 * the start is removed.
 *
 * Source: HTML Living Standard, 9.2 (server-sent events).
 *
 * @throws TypeError or `RangeError` An option is invalid.
 *
 *
 * @example
 * ```ts
 * const events = response.body
 *   .pipeThrough(new TextDecoderStream())
 *   .pipeThrough(
 *     hydrateServerSentEvents(vault, {
 *       requestingPrincipal: "spiffe://example.org/gateway",
 *       read: anthropicDeltas,
 *     }),
 *   );
 * ```
 */
export function hydrateServerSentEvents(
  vault: Vault,
  options: HydrateServerSentEventsOptions,
): { readonly readable: ReadableStream<string>; readonly writable: WritableStream<string> } {
  const { read, ...others } = options;
  if (typeof read !== "function") throw new TypeError("read must be a function");
  const hydration = hydrateDeltas<ServerSentEvent>(vault, {
    ...others,
    read: ({ found }) => found,
    write: writeEvent,
  });
  const events = splitEvents((text) => readEvent(text, read));
  const readable = events.readable.pipeThrough(hydration).pipeThrough(
    new TransformStream<ServerSentEvent, string>({
      transform: ({ text }, controller) => controller.enqueue(text),
    }),
  );
  return { readable, writable: events.writable };
}

function splitEvents(read: (text: string) => ServerSentEvent) {
  const splitter = new EventSplitter();
  return new TransformStream<string, ServerSentEvent>({
    transform(piece, controller) {
      for (const text of splitter.push(piece)) controller.enqueue(read(text));
    },
    flush(controller) {
      const text = splitter.end();
      if (text !== "") controller.enqueue(read(text));
    },
  });
}

function readEvent(text: string, read: HydrateServerSentEventsOptions["read"]): ServerSentEvent {
  const written = writtenData(text);
  const data = parsed(written);
  const isDone = written?.trim() === DONE;
  const places = data === undefined ? undefined : read(data);
  const { deltas = [], ends } = isDone ? ({ ends: "all" } as const) : (places ?? {});
  const found = deltas.flatMap(({ key, at, format }) => {
    if (!isPointer(at)) throw new TypeError("at must be a JSON pointer");
    const pointer = parsePointer(at);
    const delta = valueAt(data, pointer)?.value;
    return typeof delta === "string" ? [{ pointer, delta: { key, text: delta, format } }] : [];
  });
  const pointers = found.map(({ pointer }) => pointer);
  return { text, data, pointers, found: { deltas: found.map(({ delta }) => delta), ends } };
}

/** Returns the text of an event's data; `undefined` if it has none. */
function writtenData(text: string): string | undefined {
  const lines = text.split(LINE_END).filter((line) => DATA_LINE.test(line));
  if (lines.length === 0) return undefined;
  return lines.map((line) => DATA_LINE.exec(line)?.[1] ?? "").join("\n");
}

function parsed(data: string | undefined): unknown {
  if (data === undefined) return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function writeEvent(event: ServerSentEvent, texts: readonly string[]): ServerSentEvent {
  // Wrapped in an object, so that a pointer can also replace the data as a whole.
  const root = { data: structuredClone(event.data) };
  for (const [index, pointer] of event.pointers.entries()) {
    put(root, ["data", ...pointer], texts[index] ?? "");
  }
  const others = event.text.split(LINE_END).filter((line) => line !== "" && !DATA_LINE.test(line));
  const text = [...others, `data: ${JSON.stringify(root.data)}`, "", ""].join("\n");
  return { ...event, text };
}

function put(root: unknown, pointer: JsonPointer, text: string): void {
  const parent = valueAt(root, pointer.slice(0, -1))?.value as Record<string, unknown>;
  parent[pointer.at(-1) ?? ""] = text;
}

/** Returns the places of deltas in the events of OpenAI's chat completions and compatible services. */
export function openAiDeltas(data: unknown): DeltaPlaces {
  const deltas: DeltaPlace[] = [];
  const ends: string[] = [];
  for (const [place, choice] of arrayAt(data, "choices").entries()) {
    const key = `choice ${memberOf(choice, "index")}`;
    const delta = memberOf(choice, "delta");
    if (typeof memberOf(choice, "finish_reason") === "string") ends.push(key);
    deltas.push({ key, at: `/choices/${place}/delta/content` });
    for (const [call, toolCall] of arrayAt(delta, "tool_calls").entries()) {
      deltas.push({
        key: `${key}/tool ${memberOf(toolCall, "index")}`,
        at: `/choices/${place}/delta/tool_calls/${call}/function/arguments`,
        format: "json-text",
      });
    }
  }
  return { deltas, ends };
}

/** Returns the places of deltas in the events of Anthropic's messages. */
export function anthropicDeltas(data: unknown): DeltaPlaces {
  const key = `block ${memberOf(data, "index")}`;
  const type = memberOf(data, "type");
  if (type === "message_stop") return { ends: "all" };
  if (type === "content_block_stop") return { ends: [key] };
  return {
    deltas: [
      { key, at: "/delta/text" },
      { key, at: "/delta/partial_json", format: "json-text" },
    ],
  };
}

function arrayAt(value: unknown, name: string): readonly unknown[] {
  const member = memberOf(value, name);
  return Array.isArray(member) ? member : [];
}

function memberOf(value: unknown, name: string): unknown {
  return valueAt(value, [name])?.value;
}
