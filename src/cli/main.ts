#!/usr/bin/env node
/** The process behind the command `handlevault`. */
import process from "node:process";
import { setTimeout } from "../primitives/timers.js";
import { runCommandLine } from "./command-line.js";

/** How long the process waits for its output to be read, in milliseconds. */
const LINGER_MS = 1000;

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());

process.exitCode = await runCommandLine(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  signal: abort.signal,
});

// Whoever does not read what was written last must not keep the process.
setTimeout(() => process.exit(), LINGER_MS).unref();
