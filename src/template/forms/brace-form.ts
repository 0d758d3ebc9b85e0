/** Placeholders in braces: `{{hdl_…}}` and `{{ hdl_…#/pointer }}`, also with the backslashes of Markdown. */
import {
  BACKSLASH,
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
import { withoutMarkdownEscapes } from "./spelling-signs.js";

type StateName = "escapedOpen" | "escape" | "open" | "prefix" | "body" | "escapedClose" | "close";

const STATES: Readonly<Record<StateName, (braces: BraceCandidate, code: number) => Outcome>> = {
  escapedOpen: (braces, code) => (code === OPEN_BRACE ? braces.enter("escape") : "none"),
  escape: (braces, code) => (code === BACKSLASH ? braces.enter("open") : "none"),
  open: (braces, code) => (code === OPEN_BRACE ? braces.enter("prefix") : "none"),
  prefix: (braces, code) => braces.readPrefix(code),
  body: (braces, code) => braces.readBody(code),
  escapedClose: (braces, code) => braces.readBody(code),
  close: (braces, code) => {
    if (code === CLOSE_BRACE) return "done";
    return braces.isEscaped && code === BACKSLASH ? "more" : "none";
  },
};

class BraceCandidate implements Candidate {
  /** Whether the opening braces have backslashes. The closing braces may then have them, too. */
  readonly isEscaped: boolean;
  #state: StateName;
  #prefixLength = 0;
  #isPrefixEscaped = false;

  constructor(braces: "plain" | "escaped") {
    this.isEscaped = braces === "escaped";
    this.#state = this.isEscaped ? "escapedOpen" : "open";
  }

  get isCommitted(): boolean {
    return this.#state === "body" || this.#state === "escapedClose" || this.#state === "close";
  }

  step(code: number): Outcome {
    return STATES[this.#state](this, code);
  }

  end(): "cut" | "none" {
    return this.isCommitted ? "cut" : "none";
  }

  enter(state: StateName): "more" {
    this.#state = state;
    return "more";
  }

  readPrefix(code: number): Outcome {
    if (this.#prefixLength === 0 && isBlank(code)) return "more";
    if (code === BACKSLASH && this.#prefixLength === ID_PREFIX.length - 1) {
      if (this.#isPrefixEscaped) return "none";
      this.#isPrefixEscaped = true;
      return "more";
    }
    if (code !== ID_PREFIX.charCodeAt(this.#prefixLength)) return "none";
    this.#prefixLength += 1;
    return this.#prefixLength === ID_PREFIX.length ? this.enter("body") : "more";
  }

  readBody(code: number): Outcome {
    if (code === CLOSE_BRACE) return this.enter("close");
    if (!isBodyCharacter(code)) return "none";
    return this.enter(this.isEscaped && code === BACKSLASH ? "escapedClose" : "body");
  }

  referenceIn(text: string): string {
    if (!this.isEscaped) return this.#unescaped(text.slice(2, -2).trim());
    return this.#unescaped(
      text
        .slice(4)
        .replace(/\\?\}\\?\}$/, "")
        .trim(),
    );
  }

  /**
   * Removes backslashes only if the rest of the placeholder is escaped: a pointer may name a member that
   * contains a backslash.
   */
  #unescaped(reference: string): string {
    return this.isEscaped || this.#isPrefixEscaped ? withoutMarkdownEscapes(reference) : reference;
  }
}

/** Excludes characters that could begin another placeholder, so that no text is read twice. */
function isBodyCharacter(code: number): boolean {
  return (
    code !== OPEN_BRACE &&
    code !== LESS_THAN &&
    code !== GREATER_THAN &&
    (!isControl(code) || isBlank(code))
  );
}

/** The form of placeholders in braces. */
export const BRACE_FORM: Form = {
  opener: OPEN_BRACE,
  begin: () => new BraceCandidate("plain"),
};

/** The form of placeholders in braces with backslashes: `\{\{hdl\_…\}\}`. */
export const ESCAPED_BRACE_FORM: Form = {
  opener: BACKSLASH,
  begin: () => new BraceCandidate("escaped"),
};
