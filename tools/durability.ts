/**
 * Writes the table of docs/durability.md from the outcomes of the drills in test/drills.
 *
 * `npm run durability` runs the drills first; `tsx tools/durability.ts --check` only compares.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Note {
  readonly store: string;
  readonly fault: string;
  readonly outcome: string;
}

const PROJECT = join(import.meta.dirname, "..");
const REPORTS = join(PROJECT, "reports", "durability");
const DOCUMENT = join(PROJECT, "docs", "durability.md");
const TABLE = /(?<=<!-- table -->\n).*?(?=<!-- \/table -->)/s;
const FAULTS = [
  "declares",
  "killed (kill -9)",
  "restarted",
  "disk full",
  "memory full",
  "failed over",
];

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });

const notes = readdirSync(REPORTS).map(
  (name): Note => JSON.parse(readFileSync(join(REPORTS, name), "utf8")),
);
const document = readFileSync(DOCUMENT, "utf8");
const updated = document.replace(TABLE, () => tableOf(notes));
if (!TABLE.test(document)) throw new Error("docs/durability.md has no place for the table");
if (!values.check) writeFileSync(DOCUMENT, updated);
else if (updated !== document) {
  throw new Error("docs/durability.md is not what the drills found: run npm run durability");
} else console.log(`docs/durability.md says what ${notes.length} drills found`);

function tableOf(notes: readonly Note[]): string {
  const stores = [...new Set(notes.map(({ store }) => store))].sort((a, b) => (a < b ? -1 : 1));
  const rows = stores.map((store) => [store, ...FAULTS.map((fault) => outcomeOf(store, fault))]);
  const lines = [["store", ...FAULTS], ["store", ...FAULTS].map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function outcomeOf(store: string, fault: string): string {
  return notes.find((note) => note.store === store && note.fault === fault)?.outcome ?? "";
}
