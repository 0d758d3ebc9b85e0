// Bundles the worker, starts workerd on a free port, and asks it once.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { build } from "esbuild";

await build({
  entryPoints: ["worker.mjs"],
  outfile: "bundle.mjs",
  bundle: true,
  format: "esm",
  platform: "node",
  external: ["node:*"],
  alias: { "node:perf_hooks": "./perf-hooks.mjs" },
});
const args = ["serve", "config.capnp", "--experimental", "--control-fd=3"];
const workerd = spawn("workerd", args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
for await (const line of createInterface({ input: workerd.stdio[3] })) {
  const { event, port } = JSON.parse(line);
  if (event !== "listen") continue;
  console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  break;
}
workerd.kill();
