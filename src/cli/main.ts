#!/usr/bin/env node
/** The process behind the command `handlevault`. */
import process from "node:process";
import { runCommandLine } from "./command-line.js";

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());

process.exitCode = await runCommandLine(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
  signal: abort.signal,
});
