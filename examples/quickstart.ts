/**
 * A records service seals patient records, an agent works with handles alone, and a gateway opens
 * them. Every claim printed with a tick has been asserted.
 *
 * Run it with `npm run quickstart`, and on other caches with `npm run quickstart -- --cache sqlite`
 * (or lmdb, redis, valkey).
 */
import assert from "node:assert/strict";
import { type Clock, HandleVault, isVaultError, type OpaqueHandle, type Vault } from "handlevault";
import { type Document, documentsOf, type PatientData, readPatientData } from "./data/patients.js";
import { storageFromArguments } from "./support/caches.js";

const RECORDS_SERVICE = "spiffe://example.org/records-service";
const GATEWAY = "spiffe://example.org/gateway";
const ATTACKER = "spiffe://example.org/attacker";
/** Whose every document is, and who besides may open it. */
const ACCESS = { ownerPrincipal: RECORDS_SERVICE, grantedPrincipals: [GATEWAY] };
const RACERS = 10;

/** All that an agent ever gets of a sealed document. */
interface AgentItem {
  readonly id: string;
  readonly safeView: string;
}

/** A document and the handle that now stands for it. */
interface SealedDocument {
  readonly original: unknown;
  readonly handle: OpaqueHandle;
}

/** A clock that moves only when it is told to. */
class ManualClock implements Clock {
  #nowMs = Date.now();

  now(): number {
    return this.#nowMs;
  }

  advance(milliseconds: number): void {
    this.#nowMs += milliseconds;
  }
}

let checks = 0;

async function check(claim: string, proof: () => unknown): Promise<void> {
  await proof();
  checks += 1;
  console.log(`  ✓ ${claim}`);
}

async function sealForGateway(vault: Vault, documents: readonly Document[]) {
  return Promise.all(
    documents.map(async ({ payload, safeView }): Promise<SealedDocument> => {
      const handle = await vault.seal(payload, { ...ACCESS, safeView });
      return { original: payload, handle };
    }),
  );
}

/** The agent: it counts what it was told of and points at one item by its handle. */
function summarise(items: readonly AgentItem[]): string {
  const counts = new Map<string, number>();
  for (const kind of items.map(kindOf)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, count]) => `${count} × ${kind}`);
  const [longest] = items.toSorted((a, b) => medicationsOf(b) - medicationsOf(a));
  const medications = items.reduce((sum, item) => sum + medicationsOf(item), 0);
  return [
    `${items.length} sealed items: ${kinds.join(", ")}.`,
    `They list ${medications} medications. Please review first the longest list,`,
    `${longest?.id} (${longest?.safeView}).`,
  ].join("\n");
}

function kindOf({ safeView }: AgentItem): string {
  return safeView.slice(0, safeView.indexOf(":"));
}

function medicationsOf({ safeView }: AgentItem): number {
  return Number(/(\d+) medications/.exec(safeView)?.[1] ?? 0);
}

async function recordsServiceSeals(vault: Vault, data: PatientData): Promise<SealedDocument[]> {
  console.log("1. The records service seals what it knows.");
  const sealed = await sealForGateway(vault, documentsOf(data));
  const views = new Set(sealed.map(({ handle }) => handle.safeView));
  for (const safeView of [...views].slice(-4)) console.log(`    ${safeView}`);
  await check(`${data.patients.length} patient records, a letter and an image are sealed`, () => {
    assert.ok(data.patients.length >= 20);
    assert.ok(Buffer.byteLength(data.letter) >= 100 * 1024);
    assert.equal(new Set(sealed.map(({ handle }) => handle.id)).size, data.patients.length + 2);
  });
  return sealed;
}

async function agentWorks(items: readonly AgentItem[], data: PatientData): Promise<string> {
  console.log("2. The agent gets ids and safe views, and writes a summary.");
  const summary = summarise(items);
  console.log(summary.replace(/^/gm, "    "));
  await check(`none of ${data.secrets.length} texts about the patients is in what it got`, () =>
    assertSilent(JSON.stringify(items), data.secrets),
  );
  await check("nor in what it wrote", () => assertSilent(summary, data.secrets));
  return summary;
}

function assertSilent(text: string, secrets: readonly string[]): void {
  const lowerCase = text.toLowerCase();
  const leaks = secrets.filter((secret) => lowerCase.includes(secret.toLowerCase()));
  assert.deepEqual(leaks, []);
}

async function gatewayOpens(vault: Vault, sealed: readonly SealedDocument[], data: PatientData) {
  console.log("3. The gateway, which was granted access, opens every one.");
  const opened = await Promise.all(sealed.map(({ handle }) => vault.unseal(handle.id, GATEWAY)));
  const { patients, letter, image } = data;
  await check("the records are equal to the originals, to the last leaf", () =>
    assert.deepEqual(opened.slice(0, patients.length), patients),
  );
  await check(`the letter of ${Buffer.byteLength(letter)} bytes is the same text`, () =>
    assert.equal(opened.at(-2), letter),
  );
  await check(`the image of ${image.length} bytes is the same, byte for byte`, () => {
    const openedImage = opened.at(-1);
    assert.ok(openedImage instanceof Uint8Array);
    assert.ok(Buffer.from(image).equals(openedImage));
  });
}

async function gatewayFollows(vault: Vault, summary: string, sealed: readonly SealedDocument[]) {
  const [id = ""] = /hdl_[0-9a-f]{32}/.exec(summary) ?? [];
  await check(
    "the handle in the agent's summary leads to the record that it stands for",
    async () =>
      assert.deepEqual(
        await vault.unseal(id, GATEWAY),
        sealed.find(({ handle }) => handle.id === id)?.original,
      ),
  );
}

async function attackerIsRefused(vault: Vault, sealed: readonly SealedDocument[]): Promise<void> {
  console.log("4. An attacker who got hold of the handles gets nothing for them.");
  const denied = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" };
  const ids = sealed.map(({ handle }) => handle.id);
  await check(`all ${ids.length} handles: HandleAccessDeniedError`, () =>
    Promise.all(ids.map((id) => assert.rejects(vault.unseal(id, ATTACKER), denied))),
  );
  await check("nor may the attacker invalidate them, or grant itself access", () =>
    Promise.all(
      ids.flatMap((id) => [
        assert.rejects(vault.invalidate(id, ATTACKER), denied),
        assert.rejects(vault.grant(id, ATTACKER, { by: ATTACKER }), denied),
      ]),
    ),
  );
}

async function handlesEnd(vault: Vault, clock: ManualClock, sealed: readonly SealedDocument[]) {
  console.log("5. Handles end: by time, by the owner's word, or by use.");
  const [first, second] = sealed;
  assert.ok(first && second);
  await handleExpires(vault, clock, first.original);
  await check("longer-lived handles still open", async () =>
    assert.deepEqual(await vault.unseal(second.handle.id, GATEWAY), second.original),
  );
  await vault.invalidate(first.handle.id, RECORDS_SERVICE);
  await check("an invalidated handle: HandleNotFoundError", () =>
    assert.rejects(vault.unseal(first.handle.id, GATEWAY), { code: "ERR_VAULT_HANDLE_NOT_FOUND" }),
  );
  await oneShotIsRaced(vault, second.original);
}

async function handleExpires(vault: Vault, clock: ManualClock, payload: unknown): Promise<void> {
  const { id } = await vault.seal(payload, {
    ...ACCESS,
    safeView: "patient record, to be opened within a minute",
    ttlSeconds: 60,
  });
  clock.advance(59_999);
  await check("a handle for one minute opens in its last millisecond", async () =>
    assert.deepEqual(await vault.unseal(id, GATEWAY), payload),
  );
  clock.advance(1);
  await check("and one millisecond later: HandleExpiredError", () =>
    assert.rejects(vault.unseal(id, GATEWAY), { code: "ERR_VAULT_HANDLE_EXPIRED" }),
  );
}

async function oneShotIsRaced(vault: Vault, payload: unknown): Promise<void> {
  const { id } = await vault.seal(payload, {
    ...ACCESS,
    safeView: "patient record, to be opened once",
    maxUses: 1,
  });
  const race = Array.from({ length: RACERS }, () => ({ id, requestingPrincipal: GATEWAY }));
  const outcomes = await vault.unsealMany(race);
  const opened = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
  const errors = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]));
  await check(`a one-shot handle, raced by ${RACERS} calls, opens exactly once`, () =>
    assert.deepEqual(opened, [payload]),
  );
  await check(`the other ${errors.length} calls: HandleExhaustedError`, () => {
    assert.equal(errors.length, RACERS - 1);
    assert.ok(errors.every((error) => isVaultError(error, "ERR_VAULT_HANDLE_EXHAUSTED")));
  });
}

async function tellStory(vault: Vault, clock: ManualClock): Promise<void> {
  const data = await readPatientData();
  const sealed = await recordsServiceSeals(vault, data);
  const items = sealed.map(({ handle: { id, safeView } }) => ({ id, safeView }));
  const summary = await agentWorks(items, data);
  await gatewayOpens(vault, sealed, data);
  await gatewayFollows(vault, summary, sealed);
  await attackerIsRefused(vault, sealed);
  await handlesEnd(vault, clock, sealed);
}

const clock = new ManualClock();
const { cache, keys, stop } = await storageFromArguments();
const vault = new HandleVault({ clock, cache, keys });
try {
  await tellStory(vault, clock);
} finally {
  await vault.close();
  await stop();
}
console.log(`All ${checks} checks passed.`);
