import { describe } from "vitest";
import { batchLaws } from "./laws/batch-laws.js";
import { callLaws, schemaLaws } from "./laws/call-laws.js";
import { errorLaws } from "./laws/error-laws.js";
import type { VaultHarness } from "./laws/harness.js";
import { payloadLaws } from "./laws/payload-laws.js";
import { policyLaws } from "./laws/policy-laws.js";
import { referenceLaws } from "./laws/reference-laws.js";
import { safeViewLaws } from "./laws/safe-view-laws.js";

export type { VaultHarness } from "./laws/harness.js";

/**
 * States the behaviour of every vault, in process or behind a wire.
 *
 * @example
 * ```ts
 * describeVault("over HTTP", {
 * async open(behind) {
 * const server = await serveHttp(behind, { auth: trustLocalCallers(), port: 0 });
 * const vault = VaultClient.http(server.address);
 * return { vault, close: async () => { await vault.close(); await server.stop(); } };
 * },
 * });
 * ```
 */
export function describeVault(name: string, harness: VaultHarness): void {
  describe(`a vault ${name}`, () => {
    describe("payloads", () => payloadLaws(harness));
    describe("policy", () => policyLaws(harness));
    describe("safe views", () => safeViewLaws(harness));
    describe("references to handles", () => referenceLaws(harness));
    describe("errors", () => errorLaws(harness));
    describe("many at a time", () => batchLaws(harness));
    describe("calls", () => callLaws(harness));
    describe("schemas", () => schemaLaws(harness));
  });
}
