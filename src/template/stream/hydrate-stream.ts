import { OutputValidationError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import {
  checkHydrateOptions,
  checkTextOptions,
  checkVaultAndOptions,
  HYDRATE_OPTIONS,
  type HydrateOptions,
  TEXT_OPTIONS,
} from "../render/options.js";
import { HandleResolver, type HydrationReport } from "../render/resolver.js";
import type { TemplateEngineOptions } from "../render/template-engine.js";
import { TextHydrator } from "../render/text-hydrator.js";
import { checkValidators, type OutputCheck, type OutputValidator } from "../render/validators.js";
import { Utf8Encoder } from "./utf8-encoder.js";

/** Options of {@link hydrateStream}: those of an engine and of one hydration. */
export interface HydrateStreamOptions extends TemplateEngineOptions, HydrateOptions {
  /** Called at the end of the text, with the handles that were opened and the unresolved references. */
  readonly onReport?: ((report: HydrationReport) => void) | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set([
  ...TEXT_OPTIONS,
  ...HYDRATE_OPTIONS,
  "validators",
  "onReport",
]);

/** Hydrates and validates one text that arrives in chunks. */
interface TextStage {
  push(piece: string): Promise<string>;
  end(): Promise<string>;
}

/**
 * Returns a stream that hydrates text. For any division into chunks, its output equals that of
 * `TemplateEngine.hydrate` for the whole text.
 *
 * It holds back only text that may still become a placeholder. The stream fails if the text ends within a
 * placeholder, or if a handle cannot be hydrated and `onUnresolved` is not `"keep"`; text that was already
 * sent cannot be recalled. Only validators with `begin` can be used.
 *
 * @throws TypeError or `RangeError` An option is invalid, or a validator needs the whole output.
 *
 *
 * @example
 * ```ts
 * const readable = model.textStream.pipeThrough(
 *   hydrateStream(vault, { requestingPrincipal: "spiffe://example.org/gateway", format: "markdown" }),
 * );
 * ```
 */
export function hydrateStream(
  vault: Vault,
  options: HydrateStreamOptions,
): TransformStream<string, string> {
  const stage = textStage(vault, options);
  return new TransformStream<string, string>({
    async transform(piece, controller) {
      if (typeof piece !== "string") throw new TypeError("every piece must be a string");
      enqueue(controller, await stage.push(piece));
    },
    async flush(controller) {
      enqueue(controller, await stage.end());
    },
  });
}

/**
 * Returns the same stream as {@link hydrateStream} for UTF-8 bytes, whose chunks may end within a character.
 * Bytes that are not UTF-8 fail the stream.
 *
 * @throws TypeError or `RangeError` As {@link hydrateStream}.
 */
export function hydrateByteStream(
  vault: Vault,
  options: HydrateStreamOptions,
): TransformStream<Uint8Array, Uint8Array> {
  const stage = textStage(vault, options);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const encoder = new Utf8Encoder();
  return new TransformStream<Uint8Array, Uint8Array>({
    async transform(bytes, controller) {
      const text = await stage.push(decoder.decode(bytes, { stream: true }));
      enqueue(controller, encoder.encode(text));
    },
    async flush(controller) {
      const text = (await stage.push(decoder.decode())) + (await stage.end());
      enqueue(controller, encoder.encode(text));
      enqueue(controller, encoder.end());
    },
  });
}

function textStage(vault: Vault, options: HydrateStreamOptions): TextStage {
  checkVaultAndOptions(vault, options, OPTIONS);
  const settings = checkTextOptions(options);
  const resolver = new HandleResolver(vault, checkHydrateOptions(options, settings.maxHandles));
  const hydrator = new TextHydrator(resolver, settings);
  const checks = checkValidators(options.validators ?? []).map(beginCheck);
  return {
    async push(piece) {
      const text = await hydrator.push(piece);
      for (const { validator, check } of checks) assertKept(validator, check.push(text));
      return text;
    },
    async end() {
      const text = await hydrator.end();
      for (const { validator, check } of checks) {
        assertKept(validator, check.push(text) && check.end());
      }
      options.onReport?.(resolver.report());
      return text;
    },
  };
}

function beginCheck(validator: OutputValidator): {
  readonly validator: OutputValidator;
  readonly check: OutputCheck;
} {
  if (validator.begin === undefined) {
    throw new TypeError("validators must not need the whole output: a stream has sent it by then");
  }
  return { validator, check: validator.begin() };
}

function assertKept({ rule }: OutputValidator, isKept: boolean): void {
  if (!isKept) throw new OutputValidationError(rule);
}

function enqueue<Piece extends string | Uint8Array>(
  controller: TransformStreamDefaultController<Piece>,
  piece: Piece,
): void {
  if (piece.length > 0) controller.enqueue(piece);
}
