/** Opens the allowed handles that a text or value refers to, each once. */
import { type JsonPointer, valueAt } from "../../primitives/json-pointer.js";
import { HydrationError, isVaultError, type UnresolvedReason } from "../../vault/errors.js";
import type { Outcome, Vault } from "../../vault/vault.js";
import { NearMisses } from "../forms/near-misses.js";
import { formatReference, type Reference, withoutUriPrefix } from "../forms/references.js";
import type { ResolvingSettings } from "./options.js";

/** A reference in a text or value. A malformed one has no `reference`. */
export interface FoundReference {
  /** The original text. */
  readonly written: string;
  readonly reference: Reference | undefined;
}

/** A reference that was not hydrated and stays unchanged. */
export interface Unresolved {
  /** The original text, or the beginning of it. */
  readonly written: string;
  /** `"no-placeholder"`: the text contains an id outside every placeholder. */
  readonly reason: UnresolvedReason;
  /** The known handle that was probably meant. */
  readonly suggestion?: string;
}

/** The handles that a hydration opened, and the references that it did not resolve. */
export interface HydrationReport {
  /** The ids of the handles that were opened. */
  readonly handles: readonly string[];
  readonly unresolved: readonly Unresolved[];
}

/** The value of a reference, or the reason why there is none. */
export type Resolved =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: UnresolvedReason };

/** Finds the values of references, and records which references cannot be used. */
export interface ReferenceSource {
  /** Returns the value of a reference, and records the reference if it has none. */
  resolve(found: FoundReference): Resolved;
  /** Records that a reference was not hydrated. */
  refuse(found: FoundReference, reason: UnresolvedReason): void;
}

/** The maximum number of unresolved references in a report: a text may contain any number of them. */
const MAX_REPORTED = 1000;
/** The maximum length of each of them in a report, in characters. */
const MAX_REPORTED_LENGTH = 256;

/** Opens handles for one text or value, and records those that it could not open. */
export class HandleResolver implements ReferenceSource {
  readonly #vault: Vault;
  readonly #settings: ResolvingSettings;
  readonly #outcomes = new Map<string, Resolved>();
  readonly #unresolved = new Map<string, UnresolvedReason>();
  readonly #mentioned = new Set<string>();
  readonly #nearMisses: NearMisses;

  constructor(vault: Vault, settings: ResolvingSettings) {
    this.#vault = vault;
    this.#settings = settings;
    this.#nearMisses = new NearMisses(settings.knownHandles);
  }

  /**
   * Opens every handle that is referred to and was not requested before, in one call.
   *
   * @throws {@link HydrationError} There are more handles than allowed; none was opened.
   */
  async open(found: Iterable<FoundReference>): Promise<void> {
    const ids = new Set<string>();
    for (const { reference } of found) {
      if (reference !== undefined && !this.#outcomes.has(reference.id)) ids.add(reference.id);
    }
    const allowed = [...ids].filter((id) => this.#isAllowed(id));
    if (this.#outcomes.size + allowed.length > this.#settings.maxHandles) {
      throw new HydrationError("too-many-handles");
    }
    if (allowed.length > 0) await this.#unseal(allowed);
  }

  resolve(found: FoundReference): Resolved {
    const resolved = this.#lookUp(found.reference);
    if (!resolved.ok) this.refuse(found, resolved.reason);
    return resolved;
  }

  refuse({ written, reference }: FoundReference, reason: UnresolvedReason): void {
    if (this.#unresolved.size >= MAX_REPORTED) return;
    const name = reference === undefined ? written : formatReference(reference);
    this.#unresolved.set(name.slice(0, MAX_REPORTED_LENGTH), reason);
  }

  /** Records ids outside placeholders. They are reported, and neither opened nor refused. */
  mention(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.#mentioned.size < MAX_REPORTED) this.#mentioned.add(id);
    }
  }

  /** @throws {@link HydrationError} A reference was not hydrated, and `onUnresolved` is not `"keep"`. */
  throwIfUnresolved(): void {
    if (this.#settings.onUnresolved === "throw" && this.#unresolved.size > 0) {
      throw new HydrationError("unresolved-handles", this.#unresolved);
    }
  }

  report(): HydrationReport {
    const opened = [...this.#outcomes].filter(([, { ok }]) => ok);
    return {
      handles: opened.map(([id]) => id),
      unresolved: [
        ...[...this.#unresolved].map(([written, reason]) => this.#describe(written, reason)),
        ...[...this.#mentioned].map((written) => ({ written, reason: "no-placeholder" as const })),
      ],
    };
  }

  #isAllowed(id: string): boolean {
    const { allow } = this.#settings;
    return allow === undefined || allow.has(id);
  }

  async #unseal(ids: readonly string[]): Promise<void> {
    const { requestingPrincipal } = this.#settings;
    const outcomes = await this.#vault.unsealMany(ids.map((id) => ({ id, requestingPrincipal })));
    for (const [index, id] of ids.entries()) this.#outcomes.set(id, resolvedOf(outcomes[index]));
  }

  #lookUp(reference: Reference | undefined): Resolved {
    if (reference === undefined) return { ok: false, reason: "malformed" };
    const payload = this.#outcomes.get(reference.id);
    return payload === undefined
      ? { ok: false, reason: "not-allowed" }
      : placeIn(payload, reference.pointer);
  }

  #describe(written: string, reason: UnresolvedReason): Unresolved {
    const isMangled = reason === "malformed" || reason === "ERR_VAULT_HANDLE_NOT_FOUND";
    const [id = ""] = withoutUriPrefix(written).split("#", 1);
    const suggestion = isMangled ? this.#nearMisses.suggestionFor(id) : undefined;
    return suggestion === undefined ? { written, reason } : { written, reason, suggestion };
  }
}

/** Returns the value at a pointer in a payload, if the payload is available. */
export function placeIn(payload: Resolved, pointer: JsonPointer): Resolved {
  if (!payload.ok) return payload;
  const place = valueAt(payload.value, pointer);
  return place === undefined
    ? { ok: false, reason: "no-such-field" }
    : { ok: true, value: place.value };
}

function resolvedOf(outcome: Outcome<unknown> | undefined): Resolved {
  if (outcome?.ok === true) return { ok: true, value: outcome.value };
  const error = outcome?.error;
  return { ok: false, reason: isVaultError(error) ? error.code : "failed" };
}
