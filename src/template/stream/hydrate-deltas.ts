import type { Vault } from "../../vault/vault.js";
import {
  checkFormat,
  checkHydrateOptions,
  checkTextOptions,
  checkVaultAndOptions,
  HYDRATE_OPTIONS,
  type HydrateOptions,
  TEXT_OPTIONS,
  type TextOptions,
  type TextSettings,
} from "../render/options.js";
import type { OutputFormat } from "../render/output-format.js";
import { HandleResolver, type HydrationReport } from "../render/resolver.js";
import { TextHydrator } from "../render/text-hydrator.js";

/** A piece of one of the texts in a stream of events. */
export interface Delta {
  /** The key of the text that it belongs to. */
  readonly key: string;
  readonly text: string;
  /** The format of that text, if it differs from that of the options. The text's first delta decides. */
  readonly format?: OutputFormat | undefined;
}

/** The deltas of an event, and the texts that it ends. */
export interface EventDeltas {
  readonly deltas?: readonly Delta[] | undefined;
  /**
   * The keys of texts that end with this event: `a` also ends `a/b`, and `"all"` ends every text. The end of
   * the stream ends all other texts.
   */
  readonly ends?: readonly string[] | "all" | undefined;
}

/** Options of {@link hydrateDeltas}. */
export interface HydrateDeltasOptions<AnyEvent> extends TextOptions, HydrateOptions {
  /** Returns the deltas of an event; `undefined` for an event to be passed on unchanged. */
  readonly read: (event: AnyEvent) => EventDeltas | undefined;
  /** Returns a copy of an event with these texts in its deltas, in the order of `read`. */
  readonly write: (event: AnyEvent, texts: readonly string[]) => AnyEvent;
  /** Called at the end of the stream, with the handles that were opened and the unresolved references. */
  readonly onReport?: ((report: HydrationReport) => void) | undefined;
}

/** A text that has not ended yet. */
interface OpenText<AnyEvent> {
  readonly hydrator: TextHydrator;
  /**
   * The last event with a delta of this text, and the delta's position in it. The rest of the text goes
   * there.
   */
  last: { readonly event: AnyEvent; readonly place: number; readonly count: number };
}

/** The maximum number of open texts. No genuine response has as many. */
const MAX_OPEN_TEXTS = 1024;
const OPTIONS: ReadonlySet<string> = new Set([
  ...TEXT_OPTIONS,
  ...HYDRATE_OPTIONS,
  "read",
  "write",
  "onReport",
]);

/**
 * Returns a stream that hydrates texts that arrive as deltas in events. A placeholder may span any number of
 * deltas. Each text of a stream has a key and is hydrated separately.
 *
 * Text that was held back when a text ends is sent in an additional event, a copy of the last one with a
 * delta of that text. The limit on the output's length applies to each text. Tool arguments are partial JSON:
 * give their deltas the format `json-text`.
 *
 * @throws TypeError or `RangeError` An option is invalid.
 *
 *
 * @example
 * ```ts
 * events.pipeThrough(
 *   hydrateDeltas<{ text: string }>(vault, {
 *     requestingPrincipal: "spiffe://example.org/gateway",
 *     read: ({ text }) => ({ deltas: [{ key: "answer", text }] }),
 *     write: (event, [text = ""]) => ({ ...event, text }),
 *   }),
 * );
 * ```
 */
export function hydrateDeltas<AnyEvent>(
  vault: Vault,
  options: HydrateDeltasOptions<AnyEvent>,
): TransformStream<AnyEvent, AnyEvent> {
  checkVaultAndOptions(vault, options, OPTIONS);
  const texts = new DeltaHydrator<AnyEvent>(vault, options);
  return new TransformStream<AnyEvent, AnyEvent>({
    async transform(event, controller) {
      for (const written of await texts.push(event)) controller.enqueue(written);
    },
    async flush(controller) {
      for (const written of await texts.end()) controller.enqueue(written);
    },
  });
}

class DeltaHydrator<AnyEvent> {
  readonly #options: HydrateDeltasOptions<AnyEvent>;
  readonly #settings: TextSettings;
  readonly #resolver: HandleResolver;
  readonly #open = new Map<string, OpenText<AnyEvent>>();

  constructor(vault: Vault, options: HydrateDeltasOptions<AnyEvent>) {
    for (const name of ["read", "write"] as const) {
      if (typeof options[name] !== "function") throw new TypeError(`${name} must be a function`);
    }
    this.#options = options;
    this.#settings = checkTextOptions(options);
    this.#resolver = new HandleResolver(
      vault,
      checkHydrateOptions(options, this.#settings.maxHandles),
    );
  }

  async push(event: AnyEvent): Promise<AnyEvent[]> {
    const { deltas = [], ends = [] } = this.#options.read(event) ?? {};
    const texts: string[] = [];
    for (const [place, delta] of deltas.entries()) {
      const text = this.#textOf(delta, { event, place, count: deltas.length });
      texts.push(await text.hydrator.push(delta.text));
    }
    const before: AnyEvent[] = [];
    for (const key of this.#keysUnder(ends)) before.push(...(await this.#end(key, event, texts)));
    const isSame = texts.every((text, place) => text === deltas[place]?.text);
    return [...before, isSame ? event : this.#options.write(event, texts)];
  }

  async end(): Promise<AnyEvent[]> {
    const rest: AnyEvent[] = [];
    for (const key of [...this.#open.keys()]) rest.push(...(await this.#end(key)));
    this.#options.onReport?.(this.#resolver.report());
    return rest;
  }

  #keysUnder(ends: readonly string[] | "all"): readonly string[] {
    if (ends === "all") return [...this.#open.keys()];
    if (ends.length === 0) return [];
    return [...this.#open.keys()].filter((key) =>
      ends.some((end) => key === end || key.startsWith(`${end}/`)),
    );
  }

  #textOf({ key, format }: Delta, last: OpenText<AnyEvent>["last"]): OpenText<AnyEvent> {
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.last = last;
      return open;
    }
    if (this.#open.size >= MAX_OPEN_TEXTS) throw new RangeError("events have too many texts");
    if (format !== undefined) checkFormat(format);
    const settings = { ...this.#settings, format: format ?? this.#settings.format };
    const text = { hydrator: new TextHydrator(this.#resolver, settings), last };
    this.#open.set(key, text);
    return text;
  }

  /** Ends a text. The rest of it goes into `texts` of the current event, or into an additional event. */
  async #end(key: string, event?: AnyEvent, texts: string[] = []): Promise<AnyEvent[]> {
    const open = this.#open.get(key);
    this.#open.delete(key);
    const rest = await open?.hydrator.end();
    if (open === undefined || rest === undefined || rest === "") return [];
    const { last } = open;
    if (event !== undefined && last.event === event) {
      texts[last.place] += rest;
      return [];
    }
    const others = new Array<string>(last.count).fill("");
    return [this.#options.write(last.event, others.with(last.place, rest))];
  }
}
