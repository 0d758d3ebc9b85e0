import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openApiDocument } from "../../../src/transport/rest/openapi.js";
import { OPERATIONS } from "../../../src/transport/service/operations.js";

const description = await openApiDocument();

it("the description names every route", () => {
  const { paths } = description as { paths: Record<string, Record<string, object>> };
  for (const [operation, { route }] of Object.entries(OPERATIONS)) {
    const { method, path } = route;
    const described = paths[path.replace(":id", "{id}")]?.[method.toLowerCase()];
    expect(described).toMatchObject({ operationId: operation });
  }
});

it("the description passes the linter's recommended rules", () => {
  const folder = mkdtempSync(join(tmpdir(), "hv-openapi-"));
  try {
    const file = join(folder, "openapi.json");
    writeFileSync(file, JSON.stringify(description));
    const { status, stderr } = spawnSync(
      join("node_modules", ".bin", "redocly"),
      ["lint", file, "--extends=recommended"],
      {
        encoding: "utf8",
        timeout: 60_000,
        env: {
          ...process.env,
          ...{ REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", CI: "true" },
        },
      },
    );
    expect(status, stderr).toBe(0);
    expect(stderr).not.toMatch(/warning:? \d|\d+ warnings/);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
