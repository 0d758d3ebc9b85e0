/** Runs the gateway's command line in a new process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { OpenedHandle } from "../gateway/audit.js";
import { AUDIENCE } from "../records/serve.js";
import type { Hospital } from "./hospital.js";
import { GATEWAY } from "./people.js";

const CLI = join(import.meta.dirname, "../gateway/cli.ts");

export async function runGatewayCli({ issuer, recordsUrl }: Hospital, ids: readonly string[]) {
  const env = {
    ...process.env,
    RECORDS_URL: recordsUrl,
    GATEWAY_TOKEN: await issuer.tokenFor(GATEWAY, AUDIENCE),
  };
  const args = ["--import", import.meta.resolve("tsx"), CLI, ...ids];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const lines = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as OpenedHandle);
  return { status: Number(status), lines };
}
