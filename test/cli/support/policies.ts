/** Policies and keys in files. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "handlevault-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** Writes a file that is deleted after the tests, and returns its path. */
export function fileOf(text: string, name: string = "file"): string {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Returns the path of a file that does not exist yet. */
export function newPath(name: string): string {
  files += 1;
  return join(folder, `${files}-${name}`);
}

/** Writes a key file, and returns its path. */
export function keyFile(): string {
  return fileOf(`first:${randomBytes(32).toString("base64url")}\n`);
}

/** Returns a policy for a server with patient records, which grants their numbers to the pharmacy. */
export function sharedPolicy(vault: string): string {
  return `version: 1
vault: ${vault}
subject: \${HANDLEVAULT_SUBJECT}
servers:
  patients:
    tools:
      lookup:
        seal: [{ at: "", safeView: { fixed: a number }, grant: [pharmacy/use] }]
  pharmacy:
    tools:
      use: { hydrate: [{ at: /ssn }], seal: none, errors: pass }
      environment: { seal: none }
      die: { seal: none }
`;
}

/** Returns a policy with one server whose results are all sealed, in memory. */
export function memoryPolicy(server: string): string {
  return `version: 1
vault: { cache: memory }
subject: \${HANDLEVAULT_SUBJECT}
servers: { ${server}: { tools: {} } }
`;
}
