/** Places in a policy. The errors of its checks name them: in the message, and as a path for its reader. */
import { type OptionsTable, readOptions } from "../../vault/options.js";

/** The names and indexes that lead from a policy to one of its values. */
export type PolicyPath = readonly (string | number)[];

/** What an error about a policy is about: the value at a path, or the name of one of its members. */
export interface PolicyFault {
  readonly path: PolicyPath;
  readonly memberName?: string | undefined;
}

const FAULT = Symbol.for("handlevault.policyFault");

/** A place in a policy. */
export class PolicyPlace {
  readonly #path: PolicyPath;
  readonly #text: string;

  constructor(path: PolicyPath = [], text = "policy") {
    this.#path = path;
    this.#text = text;
  }

  /** The place for a message, such as `policy.servers.records.tools.lookup.seal[0]`. */
  toString(): string {
    return this.#text;
  }

  /** Returns the place of a member or an item. */
  at(name: string | number): PolicyPlace {
    const step = typeof name === "number" ? `[${name}]` : `.${name}`;
    return new PolicyPlace([...this.#path, name], this.#text + step);
  }

  /** Runs a check of the value at this place. Its errors carry the place, unless an inner check named one. */
  check<T>(check: (text: string) => T): T {
    return located({ path: this.#path }, () => check(this.#text));
  }

  /** Runs a check of the name of a member. */
  checkName(memberName: string, check: (text: string) => void): void {
    located({ path: this.#path, memberName }, () => check(`a name in ${this.#text}`));
  }

  /** Returns the error for a value at this place that other values do not allow. */
  rangeError(problem: string): RangeError {
    return withFault(new RangeError(`${this.#text} ${problem}`), { path: this.#path });
  }

  /** Returns the settings for the object at this place. */
  read<Settings extends object>(given: unknown, table: OptionsTable<Settings>): Settings {
    const options = Object.entries(table) as [string, OptionsTable<Settings>[keyof Settings]][];
    const checked = options.map(([name, option]) => [
      name,
      (value: unknown) => this.at(name).check((text) => option(value, text)),
    ]);
    const placed = Object.fromEntries(checked) as OptionsTable<Settings>;
    return this.check((name) => readOptions(given, placed, { name, prefix: "" }));
  }
}

/** Returns what an error of a policy's checks is about; `undefined` for other errors. */
export function policyFaultOf(error: unknown): PolicyFault | undefined {
  return (error as { readonly [FAULT]?: PolicyFault } | null | undefined)?.[FAULT];
}

function located<T>(fault: PolicyFault, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw policyFaultOf(error) === undefined ? withFault(error as Error, fault) : error;
  }
}

function withFault<E extends Error>(error: E, fault: PolicyFault): E {
  return Object.defineProperty(error, FAULT, { value: fault });
}
