/** Placeholders in braces: `{{hdl_…}}` and `{{ hdl_…#/pointer }}`. */
import {
  type Candidate,
  CLOSE_BRACE,
  type Form,
  GREATER_THAN,
  isBlank,
  isControl,
  LESS_THAN,
  OPEN_BRACE,
  type Outcome,
} from "./candidate.js";
import { ID_PREFIX } from "./references.js";

type StateName = "open" | "prefix" | "body" | "close";

const STATES: Readonly<Record<StateName, (braces: BraceCandidate, code: number) => Outcome>> = {
  open: (braces, code) => (code === OPEN_BRACE ? braces.enter("prefix") : "none"),
  prefix: (braces, code) => braces.readPrefix(code),
  body: (braces, code) => {
    if (code === CLOSE_BRACE) return braces.enter("close");
    return isBodyCharacter(code) ? "more" : "none";
  },
  close: (_, code) => (code === CLOSE_BRACE ? "done" : "none"),
};

class BraceCandidate implements Candidate {
  #state: StateName = "open";
  #prefixLength = 0;

  get isCommitted(): boolean {
    return this.#state === "body" || this.#state === "close";
  }

  step(code: number): Outcome {
    return STATES[this.#state](this, code);
  }

  end(): "none" {
    return "none";
  }

  enter(state: StateName): "more" {
    this.#state = state;
    return "more";
  }

  readPrefix(code: number): Outcome {
    if (this.#prefixLength === 0 && isBlank(code)) return "more";
    if (code !== ID_PREFIX.charCodeAt(this.#prefixLength)) return "none";
    this.#prefixLength += 1;
    return this.#prefixLength === ID_PREFIX.length ? this.enter("body") : "more";
  }

  referenceIn(text: string): string {
    return text.slice(2, -2).trim();
  }
}

/** Nothing that could begin another placeholder, so that no text is ever read twice. */
function isBodyCharacter(code: number): boolean {
  return (
    code !== OPEN_BRACE &&
    code !== LESS_THAN &&
    code !== GREATER_THAN &&
    (!isControl(code) || isBlank(code))
  );
}

/** The form of placeholders in braces. */
export const BRACE_FORM: Form = { opener: OPEN_BRACE, begin: () => new BraceCandidate() };
