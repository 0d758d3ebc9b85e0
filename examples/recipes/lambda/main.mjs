// Plays the platform: two instances of the function, one after the other.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "handlevault";

const folder = mkdtempSync(join(tmpdir(), "lambda-"));
const env = {
  ...process.env,
  VAULT_FILE: join(folder, "vault.db"),
  VAULT_KEYS: `k1:${generateKey()}`,
};
const call = (event) => {
  const script = `import { handler } from "./handler.mjs";
    process.stdout.write(JSON.stringify(await handler(JSON.parse(process.argv[1]))));`;
  const args = ["--input-type=module", "-e", script, JSON.stringify(event)];
  return JSON.parse(execFileSync(process.execPath, args, { env, encoding: "utf8" }));
};

const id = call({ action: "seal", payload: { item: "book", to: "Ada" } });
console.log("the first instance returned a handle:", id.startsWith("hdl_"));
console.log("the second opened it:", call({ action: "open", id }));
rmSync(folder, { recursive: true });
