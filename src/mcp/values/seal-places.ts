/** Seals values for a subject and returns their handles. */
import type { SealRequest } from "../../vault/vault.js";
import type { SealingTerms } from "../policy/policy-rules.js";
import { serverPrincipal, toolPrincipal } from "../policy/principals.js";
import type { SafeViewOptions } from "../policy/safe-views.js";
import type { Echoes } from "./echoes.js";
import { type HandleForm, handleForm } from "./handle-form.js";
import type { HandleReuse, ReuseContext } from "./handle-reuse.js";
import type { PlaceToSeal, SealedPlace } from "./sealed-value.js";
import type { SealingScope } from "./tool-scope.js";

/** The scope of a seal, with the opened values that safe views must not repeat. */
export interface EchoSealingScope extends SealingScope {
  readonly echoes?: Echoes | undefined;
}

/**
 * Seals every place for the scope's subject. Without {@link HandleReuse} it makes one call to the
 * vault.
 *
 * @throws The vault's first error. No part of the value may be shown then.
 */
export async function sealPlaces(
  places: readonly PlaceToSeal[],
  scope: EchoSealingScope,
): Promise<readonly SealedPlace[]> {
  const requests = await Promise.all(places.map((place) => requestOf(place, scope)));
  const { reuse } = scope;
  const forms = await (reuse === undefined
    ? sealAll(requests, scope)
    : sealOrReuse(requests, { ...scope, reuse }, places));
  return forms.map((form, index) => ({ at: places[index]?.at ?? [], form }));
}

async function requestOf(
  { terms, value }: PlaceToSeal,
  scope: EchoSealingScope,
): Promise<SealRequest> {
  const seen = scope.echoes === undefined ? value : scope.echoes.suppressIn(value);
  return {
    data: value,
    ...viewOf(await terms.safeView(seen), seen),
    ownerPrincipal: serverPrincipal(scope.server, scope.subject),
    grantedPrincipals: terms.grants.map((tool) => toolPrincipal(tool, scope.subject)),
    ttlSeconds: terms.ttlSeconds,
    maxUses: terms.maxUses,
  };
}

/**
 * Returns the options for the safe view. The payload is sealed unchanged, but a summarizer receives
 * the copy without opened values.
 */
function viewOf(view: SafeViewOptions, seen: unknown): SafeViewOptions {
  const { summarizer } = view;
  if (summarizer === undefined) return view;
  return {
    ...view,
    summarizer: { summarize: (_, context) => summarizer.summarize(seen, context) },
  };
}

async function sealAll(
  requests: readonly SealRequest[],
  { vault }: SealingScope,
): Promise<HandleForm[]> {
  const outcomes = await vault.sealMany(requests);
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    return handleForm(outcome.value);
  });
}

/** Seals the places one after another, so that equal values of one result also share a handle. */
async function sealOrReuse(
  requests: readonly SealRequest[],
  scope: SealingScope & { readonly reuse: HandleReuse },
  places: readonly PlaceToSeal[],
): Promise<HandleForm[]> {
  const forms: HandleForm[] = [];
  for (const [index, request] of requests.entries()) {
    const terms = places[index]?.terms;
    const [form] =
      terms === undefined || terms.maxUses !== undefined
        ? await sealAll([request], scope)
        : [await sealOnce(request, terms, scope)];
    if (form !== undefined) forms.push(form);
  }
  return forms;
}

async function sealOnce(
  request: SealRequest,
  terms: SealingTerms,
  { vault, reuse }: SealingScope & { readonly reuse: HandleReuse },
): Promise<HandleForm> {
  const { data, ...options } = request;
  const context: ReuseContext = {
    ownerPrincipal: options.ownerPrincipal,
    grantedPrincipals: options.grantedPrincipals ?? [],
    rule: terms.name,
    ttlSeconds: terms.ttlSeconds,
  };
  const digest = reuse.digestOf(data, context);
  const known = await reuse.find(vault, digest, context);
  if (known !== undefined) return known;
  const handle = await vault.seal(data, options);
  reuse.remember(digest, handle.id);
  return handleForm(handle);
}
