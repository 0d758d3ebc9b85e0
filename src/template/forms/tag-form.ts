/**
 * Placeholders as tags: `<handle id="hdl_…" safe_view="…"/>`, or with a closing tag. Attributes may be in any
 * order and in any quotes.
 */
import {
  BACKSLASH,
  type Candidate,
  type Form,
  GREATER_THAN,
  LESS_THAN,
  OPEN_BRACE,
  type Outcome,
} from "./candidate.js";
import { unescapeMarkup } from "./markup.js";
import { ID_PREFIX } from "./references.js";
import { DOUBLE_QUOTES, SINGLE_QUOTES } from "./spelling-signs.js";

/** The default names of tags that are placeholders. */
export const DEFAULT_TAG_NAMES: readonly string[] = ["handle", "kest-handle"];

const SLASH = 0x2f;
const EQUALS = 0x3d;
/** The kinds of quotes. Any quote of a kind may close a value that another one of that kind opened. */
const QUOTES: readonly string[] = ['"', "'", DOUBLE_QUOTES, SINGLE_QUOTES];

type StateName =
  | "tagName"
  | "between"
  | "attribute"
  | "equals"
  | "quote"
  | "quoted"
  | "slash"
  | "content"
  | "endSlash"
  | "endName"
  | "endSpace";

const STATES: Readonly<Record<StateName, (tag: TagCandidate, code: number) => Outcome>> = {
  tagName: (tag, code) => tag.readTagName(code),
  between: (tag, code) => {
    if (isSpace(code)) return "more";
    if (code === SLASH) return tag.enter("slash");
    if (code === GREATER_THAN) return tag.enter("content");
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
    const quotes = QUOTES.find((kind) => kind.includes(String.fromCharCode(code)));
    if (quotes !== undefined) return tag.beginValue(quotes);
    return isSpace(code) ? "more" : "none";
  },
  quoted: (tag, code) => tag.readValue(code),
  slash: (_, code) => (code === GREATER_THAN ? "done" : "none"),
  content: (tag, code) => {
    if (code === LESS_THAN) return tag.enter("endSlash");
    return isSpace(code) ? "more" : "none";
  },
  endSlash: (tag, code) => (code === SLASH ? tag.enter("endName") : "none"),
  endName: (tag, code) => tag.readEndName(code),
  endSpace: (_, code) => {
    if (code === GREATER_THAN) return "done";
    return isSpace(code) ? "more" : "none";
  },
};

/** The states after a tag that does not close itself. */
const UNFINISHED: ReadonlySet<StateName> = new Set(["content", "endSlash", "endName", "endSpace"]);

/** The positions of an attribute's name and value in the text of a tag. */
interface Attribute {
  readonly name: readonly [start: number, end: number];
  readonly value: readonly [start: number, end: number];
}

class TagCandidate implements Candidate {
  #state: StateName = "tagName";
  #names: readonly string[];
  #name = "";
  #endNameLength = 0;
  #quotes = "";
  /** The number of characters read, including `<`. */
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

  /** A tag may lack a closing tag, as in HTML, so a text that ends after the opening tag is not cut off. */
  end(): "cut" | "none" {
    return this.isCommitted && !UNFINISHED.has(this.#state) ? "cut" : "none";
  }

  enter(state: StateName): "more" {
    this.#state = state;
    return "more";
  }

  readTagName(code: number): Outcome {
    const index = this.#length - 1;
    const name = isSpace(code) && this.#names.find(({ length }) => length === index);
    if (typeof name === "string") {
      this.#name = name;
      return this.enter("between");
    }
    this.#names = this.#names.filter((each) => each.charCodeAt(index) === code);
    return this.#names.length > 0 ? "more" : "none";
  }

  beginAttribute(): "more" {
    this.#nameStart = this.#length;
    return this.enter("attribute");
  }

  endAttribute(): void {
    this.#nameEnd = this.#length;
  }

  beginValue(quotes: string): "more" {
    this.#quotes = quotes;
    this.#valueStart = this.#length + 1;
    return this.enter("quoted");
  }

  /**
   * Reads a value. A value cannot contain the start of another placeholder, so that no text is read twice.
   */
  readValue(code: number): Outcome {
    if (this.#quotes.includes(String.fromCharCode(code))) {
      this.#attributes.push({
        name: [this.#nameStart, this.#nameEnd],
        value: [this.#valueStart, this.#length],
      });
      return this.enter("between");
    }
    const opensAnother =
      code === LESS_THAN ||
      (code === OPEN_BRACE && (this.#previous === OPEN_BRACE || this.#previous === BACKSLASH));
    return opensAnother ? "none" : "more";
  }

  readEndName(code: number): Outcome {
    if (this.#endNameLength === this.#name.length) {
      this.enter("endSpace");
      return STATES.endSpace(this, code);
    }
    if (code !== this.#name.charCodeAt(this.#endNameLength)) return "none";
    this.#endNameLength += 1;
    return "more";
  }

  /**
   * Returns `undefined` if there are two ids, also by the rules of HTML, because parsers disagree about which
   * one counts.
   */
  referenceIn(text: string): string | undefined {
    const ids = this.#attributes.filter(({ name }) => /^id$/i.test(text.slice(...name)));
    const [id] = ids;
    if (id === undefined || ids.length > 1 || text.slice(...id.name) !== "id") return undefined;
    const reference = unescapeMarkup(text.slice(...id.value));
    return reference.startsWith(ID_PREFIX) ? reference : undefined;
  }
}

/** Returns whether a code is white space in HTML. */
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

/** Returns the form of tags with one of these names. */
export function tagForm(names: readonly string[]): Form {
  return { opener: LESS_THAN, begin: () => new TagCandidate(names) };
}
