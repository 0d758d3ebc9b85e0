import { spawn } from "node:child_process";

const DEADLINE_MS = 20_000;

/** Runs a Python program and returns its output; throws if it fails. */
export function python(program: string, ...given: readonly string[]): Promise<string> {
  const child = spawn("python3", ["-I", "-c", program, ...given], {
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
    env: { PATH: process.env["PATH"] },
  });
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (part: string) => {
      printed[stream] += part;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve(printed.stdout.trim())
        : reject(new Error(`python3 ended with ${code}: ${printed.stderr}`)),
    );
  });
}
