import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { gatewayApi } from "../../examples/medical-records/gateway/api.js";
import { OPENAPI } from "../../examples/medical-records/gateway/openapi.js";
import { RecordsSession } from "../../examples/medical-records/gateway/session.js";
import { DemoIssuer } from "../../examples/medical-records/support/demo-issuer.js";

const PROJECT = join(import.meta.dirname, "../..");
const EXAMPLE = join(PROJECT, "examples/medical-records");

function run(file: string, env: Record<string, string> = {}) {
  const args = ["--import", import.meta.resolve("tsx"), join(EXAMPLE, file)];
  const options = { encoding: "utf8", cwd: PROJECT, timeout: 50_000 } as const;
  return spawnSync(process.execPath, args, { ...options, env: { ...process.env, ...env } });
}

async function api() {
  const session = new RecordsSession("http://127.0.0.1:1", async () => "none");
  const auth = await new DemoIssuer().authenticatorOf("medical-gateway");
  return gatewayApi({ session, auth, demoTokens: async () => ({}) });
}

describe("the example of medical records", () => {
  it("plays to its end, and every claim of it holds", () => {
    const { status, stdout, stderr } = run("story.ts", { NODE_ENV: "development" });
    expect(stderr).toBe("");
    const claims = stdout.match(/✓/g) ?? [];
    expect(claims.length).toBeGreaterThanOrEqual(20);
    expect(stdout.endsWith(`All ${claims.length} checks passed.\n`)).toBe(true);
    expect(status).toBe(0);
  });

  it("describes exactly the routes that it has", async () => {
    const { routes } = await api();
    const pages = new Set(["/docs", "/openapi.json", "/*"]);
    const served = routes
      .filter(({ path }) => !pages.has(path))
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(":id", "{id}")}`);
    const described = Object.entries(OPENAPI.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(new Set(served)).toEqual(new Set(described));
  });

  it("answers 503, and no cause, while patient records were never there", async () => {
    const response = await (await api()).request("/health");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ error: "patient records are unavailable" });
  });

  it("has a page whose script is sound and which may load nothing from elsewhere", async () => {
    const page = await (await api()).request("/docs");
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
    const [, script = ""] = /<script>(.*)<\/script>/s.exec(await page.text()) ?? [];
    expect(script).toContain("showRoutes()");
    expect(() => new Script(script)).not.toThrow();
    expect(readFileSync(join(EXAMPLE, "gateway/docs.html"), "utf8")).not.toContain("innerHTML");
  });

  it("has a command line that says how to use it, without a token", () => {
    const { status, stdout, stderr } = run("gateway/cli.ts", {
      GATEWAY_TOKEN: "",
      RECORDS_URL: "",
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^usage: gateway hdl_/);
  });
});
