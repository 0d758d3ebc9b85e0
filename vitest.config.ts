import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { testProjects } from "./tools/test-projects.js";

const { unit, servers, drills } = testProjects();
const globalSetup = ["test/support/children.ts"];

/** Starts with the drills, which take longest: one of them at the end would keep all others waiting. */
class DrillsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isDrill = ({ moduleId }: TestSpecification) => moduleId.includes("/test/drills/");
    return [...sorted.filter(isDrill), ...sorted.filter((file) => !isDrill(file))];
  }
}

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: [...unit] } },
      { extends: true, test: { name: "servers", include: [...servers], globalSetup } },
      { extends: true, test: { name: "drills", include: [...drills], globalSetup } },
    ],
    // Machines are shared: what a test takes says nothing, only that it ends does.
    testTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    // Many tests wait for disks and servers: three at a time even on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    sequence: { sequencer: DrillsFirst },
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
        "src/leak-guard/**": { branches: 100 },
      },
    },
  },
});
