#!/usr/bin/env node
/** The process behind the command `handlevault`. */
import { constants } from "node:os";
import process from "node:process";
import { setTimeout } from "../primitives/timers.js";
import { FAILED } from "./command-error.js";
import { runCommandLine, UNEXPECTED } from "./command-line.js";
import { killServers } from "./server-process.js";

/** How long the process waits for its output to be read, in milliseconds. */
const LINGER_MS = 1000;
/** How long the process may take to end after an error that nothing expected, in milliseconds. */
const FAILING_MS = 15_000;

const abort = new AbortController();
let hasFailed = false;

/** The first signal ends the command, a second one the process. */
function endBy(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  if (!abort.signal.aborted) abort.abort();
  // A terminal that closes may say so twice: the system does, and the shell.
  else if (signal !== "SIGHUP") process.exit(128 + constants.signals[signal]);
}

/** The error's own text may hold data. */
function fail(): void {
  if (hasFailed) process.exit(FAILED);
  hasFailed = true;
  process.stderr.write(`handlevault: ${UNEXPECTED}\n`);
  abort.abort();
  setTimeout(() => process.exit(FAILED), FAILING_MS).unref();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, endBy);
process.on("uncaughtException", fail);
// However the process ends, no server that it started stays behind.
process.on("exit", killServers);
// What is said to a terminal that has closed is lost, and no reason to fail.
process.stderr.on("error", () => undefined);

const code = await runCommandLine(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  signal: abort.signal,
});
process.exitCode = hasFailed ? FAILED : code;

// Whoever does not read what was written last must not keep the process.
setTimeout(() => process.exit(), LINGER_MS).unref();
