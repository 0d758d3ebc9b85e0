/**
 * Parses a policy in YAML 1.2, which includes JSON, and keeps the positions of its values.
 *
 * Imported only when a policy is read, because it requires the package `yaml`.
 */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { type Position, policyError, type ValuePath } from "./command-error.js";

/** A parsed policy with the positions of its values. */
export interface PolicyText {
  readonly data: unknown;
  /** Returns the position of a value, or that of its nearest existing parent. */
  positionOf(path: ValuePath): Position;
  /** Returns the position of a member's name. */
  positionOfName(path: ValuePath, name: string): Position;
}

const MAX_ALIASES = 100;

/** @throws CommandError The text is not YAML, or it refers to environment variables outside `subject`. */
export function parsePolicyText(text: string): PolicyText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw policyError(`this is not YAML (${problem.code})`, positionAt(problem.pos[0]));
  checkScalars(document, positionAt);
  const positionOf = (path: ValuePath) => positionAt(offsetOf(document, path));
  return {
    data: toData(document),
    positionOf,
    positionOfName(path, name) {
      const offset = offsetOfName(document, path, name);
      return offset === undefined ? positionOf(path) : positionAt(offset);
    },
  };
}

/**
 * Rejects scalars that would not be used as they are written. Environment variables are allowed only in
 * `subject`, because a reader of the policy cannot see their values. JavaScript objects cannot have a normal
 * member named `__proto__`.
 */
function checkScalars(document: Document, positionAt: (offset: number) => Position): void {
  const subject = document.getIn(["subject"], true);
  visit(document, {
    Scalar(_, node) {
      const problem = node === subject ? undefined : problemOf(node.value);
      if (problem !== undefined) throw policyError(problem, positionAt(node.range?.[0] ?? 0));
    },
  });
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (value === "__proto__") return "__proto__ cannot be a name";
  if (!value.includes("${")) return undefined;
  return "only subject may refer to the environment: write the value itself";
}

function toData(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    throw policyError("its aliases lead nowhere, or are too many");
  }
}

function offsetOf(document: Document, path: ValuePath): number {
  const node = document.getIn(path, true);
  if (isNode(node)) return node.range?.[0] ?? 0;
  const [name, ...parent] = path.toReversed();
  if (name === undefined) return 0;
  const above = parent.toReversed();
  return offsetOfName(document, above, String(name)) ?? offsetOf(document, above);
}

function offsetOfName(document: Document, path: ValuePath, name: string): number | undefined {
  const map = document.getIn(path, true);
  if (!isMap(map)) return undefined;
  const key = map.items
    .map((pair) => pair.key)
    .find((found) => isScalar(found) && found.value === name);
  return isNode(key) ? key.range?.[0] : undefined;
}
