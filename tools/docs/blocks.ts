/** Finds the blocks of TypeScript in documents and in docstrings. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One block, as a reader sees it. */
export interface Block {
  /** Path of its file, from the root of the project. */
  readonly file: string;
  /** Line of the file on which its code begins, from 1. */
  readonly line: number;
  readonly code: string;
}

/** Returns the blocks of every document and docstring, in the order of files and lines. */
export function blocksOf(project: string): readonly Block[] {
  const list = (folder: string, end: string) =>
    readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(end))
      .map((name) => join(folder, name))
      .toSorted();
  return ["README.md", ...list("docs", ".md"), ...list("src", ".ts")].flatMap((file) =>
    blocksIn(file, readFileSync(join(project, file), "utf8")),
  );
}

/** In a docstring, each line of a block has the same prefix as its opening fence. */
const BLOCK = /^( *(?:\* )?)```ts\n(.*?)^\1```$/gms;

function blocksIn(file: string, text: string): readonly Block[] {
  return [...text.matchAll(BLOCK)].map(({ 1: margin = "", 2: code = "", index }) => ({
    file,
    line: text.slice(0, index).split("\n").length + 1,
    code: code
      .split("\n")
      .map((line) => line.slice(margin.length))
      .join("\n"),
  }));
}
