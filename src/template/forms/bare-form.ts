/** Bare references inside longer strings: `hdl_…`, `handle://hdl_…`, each with `#/pointer`. */
import { BACKSLASH, type Candidate, type Form, isWord, type Outcome } from "./candidate.js";
import { ID_PREFIX, URI_PREFIX, withoutUriPrefix } from "./references.js";
import { withoutMarkdownEscapes } from "./spelling-signs.js";

const OPENER = 0x68; // h
const HASH = 0x23;
const SLASH = 0x2f;
const TILDE = 0x7e;
const HYPHEN = 0x2d;

/** A shorter word that begins like an id is an ordinary name, not a truncated id. */
const MIN_LENGTH = 20;

type StateName = "opener" | "uri" | "id" | "digits" | "pointer";

const STATES: Readonly<Record<StateName, (bare: BareCandidate, code: number) => Outcome>> = {
  // The character after the h distinguishes an id from a URI.
  opener: (bare, code) =>
    code === ID_PREFIX.charCodeAt(1) ? bare.read("id", code) : bare.read("uri", code),
  uri: (bare, code) => bare.read("uri", code),
  id: (bare, code) => bare.read("id", code),
  digits: (bare, code) => {
    if (isWord(code)) return "more";
    return code === HASH ? bare.enter("pointer") : "ended";
  },
  // The pointer is checked at its end; an invalid one makes the reference malformed.
  pointer: (bare, code) =>
    (bare.isEscaped && code === BACKSLASH) ||
    isWord(code) ||
    code === SLASH ||
    code === TILDE ||
    code === HYPHEN
      ? "more"
      : "ended",
};

class BareCandidate implements Candidate {
  /** A bare reference may end anywhere, so the end of the text never truncates it. */
  readonly isCommitted = false;
  #state: StateName = "opener";
  #matched = 1;
  #isEscaped = false;

  get isEscaped(): boolean {
    return this.#isEscaped;
  }

  step(code: number): Outcome {
    return STATES[this.#state](this, code);
  }

  end(): "ended" | "none" {
    return this.#state === "digits" || this.#state === "pointer" ? "ended" : "none";
  }

  enter(state: StateName): "more" {
    this.#state = state;
    return "more";
  }

  /** Reads one more character of the prefix of a bare reference. */
  read(state: "uri" | "id", code: number): Outcome {
    const expected = state === "uri" ? URI_PREFIX + ID_PREFIX : ID_PREFIX;
    if (code === BACKSLASH && !this.#isEscaped && this.#matched === expected.length - 1) {
      this.#isEscaped = true;
      return "more";
    }
    if (code !== expected.charCodeAt(this.#matched)) return "none";
    this.#matched += 1;
    return this.enter(this.#matched === expected.length ? "digits" : state);
  }

  referenceIn(text: string): string | undefined {
    const reference = this.#isEscaped ? withoutMarkdownEscapes(text) : text;
    return withoutUriPrefix(reference).length < MIN_LENGTH ? undefined : reference;
  }
}

/** The form of bare references, which cannot begin in the middle of a word. */
export const BARE_FORM: Form = {
  opener: OPENER,
  begin: (before) => (isWord(before) ? undefined : new BareCandidate()),
};
