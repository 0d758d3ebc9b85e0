#!/usr/bin/env node
/** The entry point of the command `handlevault`. */
import { constants } from "node:os";
import process from "node:process";
import { setTimeout } from "../primitives/timers.js";
import { FAILED } from "./command-error.js";
import { runCommandLine, UNEXPECTED } from "./command-line.js";
import { killServers } from "./server-process.js";

/** Time limit for the readers of the output, in milliseconds. */
const LINGER_MS = 1000;
/** Time limit for the process to end after an unexpected error, in milliseconds. */
const FAILING_MS = 15_000;

const abort = new AbortController();
let hasFailed = false;

/** The first signal stops the command; a second one ends the process at once. */
function endBy(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  if (!abort.signal.aborted) abort.abort();
  // A closing terminal may send SIGHUP twice, from the system and from the shell, so a second SIGHUP is
  // ignored.
  else if (signal !== "SIGHUP") process.exit(128 + constants.signals[signal]);
}

/** Does not print the error: its text may contain data. */
function fail(): void {
  if (hasFailed) process.exit(FAILED);
  hasFailed = true;
  process.stderr.write(`handlevault: ${UNEXPECTED}\n`);
  abort.abort();
  setTimeout(() => process.exit(FAILED), FAILING_MS).unref();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, endBy);
process.on("uncaughtException", fail);
// Kills all started servers, for whatever reason the process exits.
process.on("exit", killServers);
// Writing to a closed terminal fails; the text is lost, but the command goes on.
process.stderr.on("error", () => undefined);

const code = await runCommandLine(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  signal: abort.signal,
});
process.exitCode = hasFailed ? FAILED : code;

// A reader that does not read the last output must not keep the process alive.
setTimeout(() => process.exit(), LINGER_MS).unref();
