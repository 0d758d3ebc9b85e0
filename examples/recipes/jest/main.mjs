// Jest loads ES modules only with Node's option; its default fails at the first `import` of the package.
import { spawnSync } from "node:child_process";

function jest(file, options) {
  const env = { ...process.env, NODE_OPTIONS: options };
  const args = ["--testMatch", `**/${file}`, "--transform", "{}", "--moduleFileExtensions", "js"];
  const extensions = ["--moduleFileExtensions", "mjs", "--moduleFileExtensions", "cjs"];
  return spawnSync("jest", [...args, ...extensions], { env, encoding: "utf8" });
}

const works = jest("vault.test.mjs", "--experimental-vm-modules");
console.log(
  "with NODE_OPTIONS=--experimental-vm-modules:",
  works.status === 0 ? "passes" : works.stderr,
);
const fails = jest("vault.test.cjs", "");
console.log("by default:", fails.status === 0 ? "passes" : "fails");
console.log("it says:", /Must use import to load ES Module/.exec(fails.stderr)?.[0]);
