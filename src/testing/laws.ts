/** Laws as data, and the declaration of their tests with any runner. */

/** Resolves if the implementation in the harness keeps the law, and rejects if it breaks it. */
export interface Law<Harness> {
  (harness: Harness): Promise<void>;
  /** The optional member of the harness that the law needs. */
  readonly needs?: (keyof Harness & string) | undefined;
}

/** Laws by their statements. */
export type Laws<Harness> = Readonly<Record<string, Law<Harness>>>;

/** Declares a test: `it` or `test` of vitest, jest, mocha, bun or `node:test`. */
export interface TestDeclaration {
  (name: string, run: () => Promise<void>): unknown;
  /** Declares a test that is expected to fail, if the runner has such tests. */
  readonly fails?: ((name: string, run: () => Promise<void>) => unknown) | undefined;
  /** Declares a test that is reported but not run, if the runner has such tests. */
  readonly skip?: ((name: string, run: () => Promise<void>) => unknown) | undefined;
}

/** The functions of a test runner, and the laws that an implementation is known to break. */
export interface SuiteOptions {
  /** Declares a group of tests. */
  readonly describe: (name: string, declare: () => void) => unknown;
  /** Declares one test. */
  readonly it: TestDeclaration;
  /**
   * The laws that the implementation breaks, each with the reason. They run and are expected to fail, so an
   * exception that is no longer needed makes its test fail.
   */
  readonly exceptions?: Readonly<Record<string, string>> | undefined;
}

/** Laws, and the implementation that they are tested on. */
export interface Suite<Harness> {
  readonly laws: Laws<Harness>;
  readonly harness: Harness;
}

/** Declares a test for each law. Laws that need a missing member of the harness are skipped. */
export function describeLaws<Harness>(
  name: string,
  suite: Suite<Harness>,
  options: SuiteOptions,
): void {
  const { describe, it, exceptions = {} } = options;
  checkExceptions(suite, exceptions);
  describe(name, () => {
    for (const [title, law] of Object.entries(suite.laws)) {
      const run = () => law(suite.harness);
      const reason = exceptions[title];
      if (isBeyond(law, suite.harness)) it.skip?.(`${title} (needs ${law.needs})`, run);
      else if (reason === undefined) it(title, run);
      else declareFailing(it, `${title} (excepted: ${reason})`, run);
    }
  });
}

function declareFailing(it: TestDeclaration, name: string, run: () => Promise<void>): void {
  if (it.fails !== undefined) it.fails(name, run);
  else it(name, () => expectFailure(run));
}

async function expectFailure(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch {
    return;
  }
  throw new Error("the law holds: remove the exception");
}

function isBeyond<Harness>(law: Law<Harness>, harness: Harness): boolean {
  return law.needs !== undefined && harness[law.needs] === undefined;
}

function checkExceptions<Harness>(
  suite: Suite<Harness>,
  exceptions: Readonly<Record<string, string>>,
): void {
  for (const [title, reason] of Object.entries(exceptions)) {
    const law = Object.hasOwn(suite.laws, title) ? suite.laws[title] : undefined;
    if (law === undefined) throw new TypeError(`exceptions names no law: ${title}`);
    if (reason.trim() === "") throw new TypeError(`exceptions gives no reason: ${title}`);
    if (isBeyond(law, suite.harness)) {
      throw new TypeError(`exceptions names a law that is not run without ${law.needs}: ${title}`);
    }
  }
}
