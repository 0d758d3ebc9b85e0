/**
 * A records service seals patient records, an agent works only with handles, and a gateway opens them. Every
 * claim printed with a tick has been asserted.
 *
 * Run it with `npm run quickstart`, on other caches with `npm run quickstart -- --cache sqlite` (or
 * lmdb, redis, valkey), and with the vault in another process with `npm run quickstart -- --remote http`
 * (or json-rpc, xml-rpc).
 */
import assert from "node:assert/strict";
import { isVaultError, type OpaqueHandle, type Vault } from "handlevault";
import { type Document, documentsOf, type PatientData, readPatientData } from "./data/patients.js";
import { openStage, type Stage } from "./support/stage.js";

const RECORDS_SERVICE = "spiffe://example.org/records-service";
const GATEWAY = "spiffe://example.org/gateway";
const ATTACKER = "spiffe://example.org/attacker";
/** The owner of every document, and the only principal with a grant. */
const ACCESS = { ownerPrincipal: RECORDS_SERVICE, grantedPrincipals: [GATEWAY] };
const RACERS = 10;

/** The parts of a sealed document that an agent receives. */
interface AgentItem {
  readonly id: string;
  readonly safeView: string;
}

/** A document and its handle. */
interface SealedDocument {
  readonly original: unknown;
  readonly handle: OpaqueHandle;
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

/** The agent: it counts the items that it received and names one of them by its handle. */
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
  return Number(/(\d+) drugs/.exec(safeView)?.[1] ?? 0);
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

async function handlesEnd(stage: Stage, sealed: readonly SealedDocument[]) {
  const { records, gateway } = stage;
  console.log("5. Handles end: by time, by the owner's word, or by use.");
  const [first, second] = sealed;
  assert.ok(first && second);
  await handleExpires(stage, first.original);
  await check("longer-lived handles still open", async () =>
    assert.deepEqual(await gateway.unseal(second.handle.id, GATEWAY), second.original),
  );
  await records.invalidate(first.handle.id, RECORDS_SERVICE);
  await check("an invalidated handle: HandleNotFoundError", () =>
    assert.rejects(gateway.unseal(first.handle.id, GATEWAY), {
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    }),
  );
  await oneShotIsRaced(stage, second.original);
}

async function handleExpires({ records, gateway, advance }: Stage, payload: unknown) {
  const { id } = await records.seal(payload, {
    ...ACCESS,
    safeView: "patient record, to be opened within a minute",
    ttlSeconds: 60,
  });
  await advance(59_999);
  await check("a handle for one minute opens in its last millisecond", async () =>
    assert.deepEqual(await gateway.unseal(id, GATEWAY), payload),
  );
  await advance(1);
  await check("and one millisecond later: HandleExpiredError", () =>
    assert.rejects(gateway.unseal(id, GATEWAY), { code: "ERR_VAULT_HANDLE_EXPIRED" }),
  );
}

async function oneShotIsRaced({ records, gateway }: Stage, payload: unknown) {
  const { id } = await records.seal(payload, {
    ...ACCESS,
    safeView: "patient record, to be opened once",
    maxUses: 1,
  });
  const race = Array.from({ length: RACERS }, () => ({ id, requestingPrincipal: GATEWAY }));
  const outcomes = await gateway.unsealMany(race);
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

async function tellStory(stage: Stage): Promise<void> {
  const data = await readPatientData();
  const sealed = await recordsServiceSeals(stage.records, data);
  const items = sealed.map(({ handle: { id, safeView } }) => ({ id, safeView }));
  const summary = await agentWorks(items, data);
  await gatewayOpens(stage.gateway, sealed, data);
  await gatewayFollows(stage.gateway, summary, sealed);
  await attackerIsRefused(stage.attacker, sealed);
  await handlesEnd(stage, sealed);
}

const stage = await openStage({ records: RECORDS_SERVICE, gateway: GATEWAY, attacker: ATTACKER });
try {
  await tellStory(stage);
} finally {
  await stage.close();
}
console.log(`All ${checks} checks passed.`);
