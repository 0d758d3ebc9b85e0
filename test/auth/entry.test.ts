import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as entry from "../../src/auth.js";
import { runInOwnProcess, sourceUrl } from "../support/own-process.js";

describe("handlevault/auth", () => {
  it("exports these names and no others", () => {
    expect(Object.keys(entry).toSorted()).toEqual([
      "anyOf",
      "generateToken",
      "hashToken",
      "headerAuth",
      "mtlsAuth",
      "openJwtAuth",
      "tokenAuth",
      "trustLocalCallers",
    ]);
  });

  it("loads jose only where tokens are verified with it, and says so when it is not there", () => {
    const folder = mkdtempSync(join(tmpdir(), "handlevault-jose-"));
    const hooks = join(folder, "hooks.mjs");
    writeFileSync(hooks, WITHOUT_JOSE);
    const output = runInOwnProcess(
      `import { register } from "node:module";
      register(${JSON.stringify(`file://${hooks}`)});
      const { openJwtAuth, tokenAuth } = await import(${JSON.stringify(sourceUrl("auth.ts"))});
      tokenAuth({ tokens: [] });
      const options = { issuer: "i", audience: "a", key: new Uint8Array(32).fill(7) };
      await openJwtAuth(options).catch(({ code, peer }) => console.log(code, peer));`,
      { timeoutMs: 20_000 },
    );
    rmSync(folder, { recursive: true });
    expect(output).toBe("ERR_VAULT_PEER_MISSING jose");
  });

  it("is imported by no file of the root entry", () => {
    const root = readFileSync(new URL("../../src/index.ts", import.meta.url), "utf8");
    expect(root).not.toMatch(/from "\.\/auth/);
  });
});

const WITHOUT_JOSE = `
export async function resolve(specifier, context, next) {
  if (specifier !== "jose") return next(specifier, context);
  const error = new Error("Cannot find package 'jose' imported from here");
  error.code = "ERR_MODULE_NOT_FOUND";
  throw error;
}`;
