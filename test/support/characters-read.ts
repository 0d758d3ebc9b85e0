import { expect } from "vitest";

/**
 * Fails if an input of eight times the length needs more than eight times the reads. Quadratic work would
 * need 64 times.
 */
export async function expectLinearReading(work: (length: number) => unknown): Promise<void> {
  // A first run excludes the reads of one-time initialisation.
  await work(8);
  const short = await charactersRead(() => work(LENGTH));
  const long = await charactersRead(() => work(8 * LENGTH));
  expect(short).toBeGreaterThan(0);
  expect(long).toBeLessThan(9 * short);
}

const LENGTH = 2 ** 12;

/**
 * Counts the characters that a function reads, to measure the growth of its work without a clock.
 *
 * Methods that read one character count as one, a search as the characters that it passes, a regular
 * expression as the characters between its start and the end of its match. Backtracking within a match is not
 * counted.
 */
export async function charactersRead(work: () => unknown): Promise<number> {
  let characters = 0;
  const restore = READERS.map(({ owner, name, read }) => {
    const real = Reflect.get(owner, name);
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
      const before = positionOf(this);
      const result = Reflect.apply(real, this, args);
      characters += read({ self: this, args, before, result });
      return result;
    });
    return () => Reflect.set(owner, name, real);
  });
  try {
    await work();
  } finally {
    for (const undo of restore) undo();
  }
  return characters;
}

interface Reading {
  readonly self: unknown;
  readonly args: readonly unknown[];
  /** The position at which a regular expression started. */
  readonly before: number;
  readonly result: unknown;
}

interface Reader {
  readonly owner: object;
  readonly name: string;
  readonly read: (reading: Reading) => number;
}

const READERS: readonly Reader[] = [
  ...["charCodeAt", "codePointAt", "charAt", "at"].map((name) => ({
    owner: String.prototype,
    name,
    read: () => 1,
  })),
  {
    owner: String.prototype,
    name: "indexOf",
    read: ({ self, args, result }) =>
      (Number(result) < 0 ? String(self).length : Number(result)) - Number(args[1] ?? 0) + 1,
  },
  {
    owner: RegExp.prototype,
    name: "exec",
    read: ({ args, before, result }) => {
      const match = result as RegExpExecArray | null;
      const end = match === null ? String(args[0]).length : match.index + match[0].length;
      return end - before + 1;
    },
  },
];

function positionOf(self: unknown): number {
  return self instanceof RegExp && (self.global || self.sticky) ? self.lastIndex : 0;
}
