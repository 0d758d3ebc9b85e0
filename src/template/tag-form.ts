/** Placeholders as tags: `<handle id="hdl_…" safe_view="…"/>`, attributes in any order. */
import {
  type Candidate,
  type Form,
  GREATER_THAN,
  LESS_THAN,
  OPEN_BRACE,
  type Outcome,
} from "./candidate.js";
import { unescapeMarkup } from "./markup.js";
import { ID_PREFIX } from "./references.js";

const SLASH = 0x2f;
const EQUALS = 0x3d;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;

type StateName =
  | "tagName"
  | "between"
  | "attribute"
  | "equals"
  | "quote"
  | "doubleQuoted"
  | "singleQuoted"
  | "slash";

const STATES: Readonly<Record<StateName, (tag: TagCandidate, code: number) => Outcome>> = {
  tagName: (tag, code) => tag.readTagName(code),
  between: (tag, code) => {
    if (isSpace(code)) return "more";
    if (code === SLASH) return tag.enter("slash");
    return isNameCharacter(code) ? tag.beginAttribute() : "none";
  },
  attribute: (tag, code) => {
    if (isNameCharacter(code)) return "more";
    tag.endAttribute();
    return STATES.equals(tag, code);
  },
  equals: (tag, code) => {
    if (code === EQUALS) return tag.enter("quote");
    return isSpace(code) ? tag.enter("equals") : "none";
  },
  quote: (tag, code) => {
    if (code === DOUBLE_QUOTE) return tag.beginValue("doubleQuoted");
    if (code === SINGLE_QUOTE) return tag.beginValue("singleQuoted");
    return isSpace(code) ? "more" : "none";
  },
  doubleQuoted: (tag, code) => tag.readValue(code, DOUBLE_QUOTE),
  singleQuoted: (tag, code) => tag.readValue(code, SINGLE_QUOTE),
  slash: (_, code) => (code === GREATER_THAN ? "done" : "none"),
};

/** Where an attribute's name and value are in the text of a tag. */
interface Attribute {
  readonly name: readonly [start: number, end: number];
  readonly value: readonly [start: number, end: number];
}

class TagCandidate implements Candidate {
  #state: StateName = "tagName";
  #names: readonly string[];
  /** How many characters were read, `<` included. */
  #length = 1;
  #previous = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  readonly #attributes: Attribute[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  get isCommitted(): boolean {
    return this.#state !== "tagName";
  }

  step(code: number): Outcome {
    const outcome = STATES[this.#state](this, code);
    this.#length += 1;
    this.#previous = code;
    return outcome;
  }

  end(): "none" {
    return "none";
  }

  enter(state: StateName): "more" {
    this.#state = state;
    return "more";
  }

  readTagName(code: number): Outcome {
    const index = this.#length - 1;
    if (isSpace(code) && this.#names.some((name) => name.length === index)) {
      return this.enter("between");
    }
    this.#names = this.#names.filter((name) => name.charCodeAt(index) === code);
    return this.#names.length > 0 ? "more" : "none";
  }

  beginAttribute(): "more" {
    this.#nameStart = this.#length;
    return this.enter("attribute");
  }

  endAttribute(): void {
    this.#nameEnd = this.#length;
  }

  beginValue(state: "doubleQuoted" | "singleQuoted"): "more" {
    this.#valueStart = this.#length + 1;
    return this.enter(state);
  }

  /** A value holds nothing that could begin another placeholder, so that no text is ever read twice. */
  readValue(code: number, quote: number): Outcome {
    if (code === quote) {
      this.#attributes.push({
        name: [this.#nameStart, this.#nameEnd],
        value: [this.#valueStart, this.#length],
      });
      return this.enter("between");
    }
    const opensAnother =
      code === LESS_THAN || (code === OPEN_BRACE && this.#previous === OPEN_BRACE);
    return opensAnother ? "none" : "more";
  }

  /** Two ids are none, in HTML's reading too: readers disagree about which one counts. */
  referenceIn(text: string): string | undefined {
    const ids = this.#attributes.filter(({ name }) => /^id$/i.test(text.slice(...name)));
    const [id] = ids;
    if (id === undefined || ids.length > 1 || text.slice(...id.name) !== "id") return undefined;
    const reference = unescapeMarkup(text.slice(...id.value));
    return reference.startsWith(ID_PREFIX) ? reference : undefined;
  }
}

/** HTML's white space. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== 0x0b);
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x3a) ||
    code === 0x5f ||
    code === 0x2d ||
    code === 0x2e
  );
}

/** Returns the form of tags that have one of the names. */
export function tagForm(names: readonly string[]): Form {
  return { opener: LESS_THAN, begin: () => new TagCandidate(names) };
}
