import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Machines are shared: what a test takes says nothing, only that it ends does.
    testTimeout: 60_000,
    // Many tests wait for disks and servers: two at a time even on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    coverage: {
      enabled: process.env["COVERAGE"] === "true",
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/index.ts", "src/vault/contracts.ts", "src/vault/vault.ts"],
      reporter: ["text", "json-summary"],
      thresholds: {
        statements: 94,
        branches: 90,
        functions: 94,
        lines: 94,
        "src/vault/**": { branches: 100 },
        "src/codec/**": { branches: 100 },
        "src/safe-view/**": { branches: 100 },
      },
    },
  },
});
