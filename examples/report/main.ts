/**
 * A model writes the quarterly report with handles. The service that delivers it inserts the figures.
 * Every claim printed with a tick has been asserted.
 *
 * Run it with `npm run example:report` and open the page that it names.
 */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HandleVault, type Vault } from "handlevault";
import { hydrateValue, lengthWithin, TemplateEngine } from "handlevault/template";
import { drawChart, pageOf } from "./page.js";
import {
  FIGURES,
  type Handles,
  type ModelOutput,
  modelAnswer,
  promptFor,
  QUOTE,
  type Quarter,
  SALARIES,
} from "./scene.js";

const FINANCE = "spiffe://example.org/finance";
const PEOPLE = "spiffe://example.org/people";
const REPORTS = "spiffe://example.org/reports";
const OUTPUT = join(import.meta.dirname, "../../reports/quarterly-report");

function check(claim: string, proof: () => void): void {
  proof();
  console.log(`  ✓ ${claim}`);
}

async function sealAll(vault: Vault): Promise<Handles> {
  const access = { grantedPrincipals: [REPORTS], ttlSeconds: 3600 };
  const finance = { ...access, ownerPrincipal: FINANCE };
  return {
    figures: await vault.seal(FIGURES, {
      ...finance,
      safeView: "figures of a year: year, revenue, margin, quarters (name, revenue, costs)",
    }),
    quote: await vault.seal(QUOTE, { ...finance, safeView: "a customer's words" }),
    salaries: await vault.seal(SALARIES, {
      ...access,
      ownerPrincipal: PEOPLE,
      safeView: "remuneration",
    }),
  };
}

function checkSilence(seen: string): void {
  console.log("1. The model gets handles, and writes a report and a chart around them.");
  check("no figure, quote or salary is in what it got or wrote", () => {
    for (const secret of ["18420", "23.4", "5205", "evil.example", "412,000"]) {
      assert.ok(!seen.includes(secret));
    }
  });
}

async function hydrateReport(vault: Vault, { report }: ModelOutput, handles: Handles) {
  console.log("2. The service that delivers the report hydrates it, for HTML.");
  const { figures, quote, salaries } = handles;
  const engine = new TemplateEngine(vault, {
    format: "html",
    validators: [lengthWithin({ max: 100_000 })],
  });
  const { text, unresolved } = await engine.hydrate(report, {
    requestingPrincipal: REPORTS,
    allow: [figures.id, quote.id],
    onUnresolved: "keep",
  });
  check("the figures are in their places", () => {
    assert.match(text, /<strong>18420<\/strong>/);
    assert.match(text, /margin of 23\.4 %/);
  });
  check("the script in the customer's words is text", () => assert.ok(!text.includes("<script")));
  check("the handle that an attacker planted stays as it is, and is reported", () => {
    assert.ok(text.includes(`{{${salaries.id}}}`));
    assert.deepEqual(unresolved, [{ written: salaries.id, reason: "not-allowed" }]);
  });
  return text;
}

async function hydrateChart(vault: Vault, { chart }: ModelOutput, { figures }: Handles) {
  console.log("3. The chart's data is hydrated as data.");
  const { value } = await hydrateValue(vault, chart, {
    requestingPrincipal: REPORTS,
    allow: [figures.id],
    places: ["/quarters"],
  });
  const { quarters } = value as { readonly quarters: readonly Quarter[] };
  check("it is the figures of the quarters, as they were sealed", () =>
    assert.deepEqual(quarters, FIGURES.quarters),
  );
  return drawChart(quarters);
}

await using vault = new HandleVault();
const handles = await sealAll(vault);
const output = modelAnswer(handles);
checkSilence(promptFor(handles) + JSON.stringify(output));
const report = await hydrateReport(vault, output, handles);
const page = pageOf(report, await hydrateChart(vault, output, handles));
await mkdir(OUTPUT, { recursive: true });
await writeFile(join(OUTPUT, "report.html"), page);
console.log(`The report: ${join(OUTPUT, "report.html")}`);
