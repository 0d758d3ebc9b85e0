/**
 * A small strict reader for the part of XML 1.0 that XML-RPC uses: elements without attributes, text,
 * CDATA sections as text, the five entities and numeric references. Everything else is refused where
 * it begins: document types, processing instructions, comments, attributes, unexpected names.
 *
 * It is a pull parser: the caller states what may come next, so only requested values are built. Each
 * character is examined a bounded number of times in any document.
 */
import { Buffer, isUtf8 } from "node:buffer";
import {
  isXmlText,
  MAX_CDATA_SECTIONS,
  MAX_NUMERIC_REFERENCES,
  withLineFeeds,
} from "./characters.js";
import { resolveReferences } from "./references.js";
import { type SyntaxReason, XmlRpcSyntaxError } from "./syntax-error.js";

/** The maximum length of an XML declaration. */
const MAX_DECLARATION = 256;
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])(?:[Uu][Tt][Ff]-8|[Uu][Ss]-[Aa][Ss][Cc][Ii][Ii])\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*\?>/;
const TAG = /<(\/?)([A-Za-z][A-Za-z0-9.]{0,31})[ \t\r\n]{0,64}(\/?)>/y;
const NOT_SPACE = /[^ \t\r\n]/g;
const CDATA = "<![CDATA[";
const CDATA_END = "]]>";
/** Deep enough for every document within the limit on nested values. */
const MAX_OPEN_ELEMENTS = 256;

/** Reads one document from its start to its end. */
export class XmlReader {
  readonly #text: string;
  #at: number;
  #referencesLeft = MAX_NUMERIC_REFERENCES;
  #sectionsLeft = MAX_CDATA_SECTIONS;
  /** The names of the open elements. */
  readonly #open: string[] = [];
  /** Whether the last tag was an empty element, which is also its end. */
  #isEmpty = false;

  /** @throws {@link XmlRpcSyntaxError} The bytes are not UTF-8, or contain characters that XML forbids. */
  constructor(document: Uint8Array | string) {
    const text = withoutMark(decode(typeof document === "string" ? encode(document) : document));
    if (!isXmlText(text)) throw new XmlRpcSyntaxError("character");
    this.#text = text;
    this.#at = afterDeclaration(text);
  }

  /** Reads the start of the element that must come next. */
  open(name: string): void {
    this.skipSpace();
    if (!this.#isEmpty && this.#isPlainTag(name, 1)) {
      this.#at += name.length + 2;
      this.#push(name);
    } else if (this.tryOpen() !== name) {
      throw new XmlRpcSyntaxError("element");
    }
  }

  /** Skips space, and returns whether an element comes next rather than an end tag. */
  hasChild(): boolean {
    this.skipSpace();
    return !this.#isEmpty && !this.#text.startsWith("</", this.#at);
  }

  /** Reads the start of an element if one comes next, and returns its name. */
  tryOpen(): string | undefined {
    if (this.#isEmpty || this.#text.startsWith("</", this.#at)) return undefined;
    if (this.#at >= this.#text.length) throw new XmlRpcSyntaxError("ending");
    const [, name, isEmpty] = this.#tag();
    this.#push(name);
    this.#isEmpty = isEmpty;
    return name;
  }

  /** Reads the end of the last open element, with only space before it. */
  close(): void {
    this.skipSpace();
    const expected = this.#open.pop();
    if (this.#isEmpty) {
      this.#isEmpty = false;
      return;
    }
    if (expected !== undefined && this.#isPlainTag(expected, 2)) {
      this.#at += expected.length + 3;
      return;
    }
    if (this.#at >= this.#text.length) throw new XmlRpcSyntaxError("ending");
    const [isEnd, name, isEmpty] = this.#tag();
    if (!isEnd) throw new XmlRpcSyntaxError("element");
    if (name !== expected || isEmpty) throw new XmlRpcSyntaxError("nesting");
  }

  /** Skips space; refuses text. */
  skipSpace(): void {
    if (this.#isEmpty || this.#text.charCodeAt(this.#at) === LESS_THAN) return;
    NOT_SPACE.lastIndex = this.#at;
    this.#at = NOT_SPACE.exec(this.#text)?.index ?? this.#text.length;
    if (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) !== LESS_THAN) {
      throw new XmlRpcSyntaxError("text");
    }
  }

  /** Reads the text up to the next tag; CDATA sections are text. */
  text(): string {
    if (this.#isEmpty) return "";
    let text = this.#run();
    while (this.#text.startsWith(CDATA, this.#at)) {
      if (this.#sectionsLeft-- <= 0) throw new XmlRpcSyntaxError("references");
      text += this.#cdata() + this.#run();
    }
    return text;
  }

  /** Reads the end of the document. */
  end(): void {
    this.skipSpace();
    if (this.#at < this.#text.length) throw new XmlRpcSyntaxError("ending");
  }

  #push(name: string): void {
    if (this.#open.length >= MAX_OPEN_ELEMENTS) throw new XmlRpcSyntaxError("depth");
    this.#open.push(name);
  }

  /**
   * Returns whether a name and `>` come next, after the `<` or `</`. Nearly all tags are this plain, and this
   * is
   * several times faster than a pattern.
   */
  #isPlainTag(name: string, skipped: 1 | 2): boolean {
    const at = this.#at + skipped;
    return (
      this.#text.charCodeAt(at + name.length) === GREATER_THAN &&
      this.#text.startsWith(name, at) &&
      this.#text.charCodeAt(this.#at) === LESS_THAN &&
      (skipped === 1 || this.#text.charCodeAt(at - 1) === SLASH)
    );
  }

  /** Returns whether the tag is an end tag, its name, and whether the element is empty. */
  #tag(): readonly [boolean, string, boolean] {
    TAG.lastIndex = this.#at;
    const tag = TAG.exec(this.#text);
    const name = tag?.[2];
    if (tag === null || name === undefined) {
      throw new XmlRpcSyntaxError(whyNoTag(this.#text, this.#at));
    }
    this.#at = TAG.lastIndex;
    return [tag[1] === "/", name, tag[3] === "/"];
  }

  /** Reads text up to the next `<`. */
  #run(): string {
    const next = this.#text.indexOf("<", this.#at);
    const end = next === -1 ? this.#text.length : next;
    const raw = this.#text.slice(this.#at, end);
    this.#at = end;
    if (raw === "") return raw;
    if (raw.includes(CDATA_END)) throw new XmlRpcSyntaxError("text");
    return raw.includes("&") ? resolveReferences(raw, this.#countNumeric) : raw;
  }

  #cdata(): string {
    const start = this.#at + CDATA.length;
    const end = this.#text.indexOf(CDATA_END, start);
    if (end === -1) throw new XmlRpcSyntaxError("ending");
    this.#at = end + CDATA_END.length;
    return this.#text.slice(start, end);
  }

  readonly #countNumeric = (): void => {
    if (this.#referencesLeft-- <= 0) throw new XmlRpcSyntaxError("references");
  };
}

const SLASH = 0x2f;
const GREATER_THAN = 0x3e;
const LESS_THAN = 0x3c;
const BYTE_ORDER_MARK = "\ufeff";

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

function decode(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new XmlRpcSyntaxError("encoding");
  return withLineFeeds(bytes).toString("utf8");
}

/** Text is encoded first, so that documents are always read as bytes. */
function encode(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new XmlRpcSyntaxError("encoding");
  return Buffer.from(text, "utf8");
}

function afterDeclaration(text: string): number {
  if (!text.startsWith("<?xml")) return 0;
  const declaration = DECLARATION.exec(text.slice(0, MAX_DECLARATION));
  if (declaration === null) throw new XmlRpcSyntaxError("declaration");
  return declaration[0].length;
}

function whyNoTag(text: string, at: number): SyntaxReason {
  if (text.startsWith("<?", at)) return "instruction";
  if (text.startsWith("<!--", at)) return "comment";
  if (text.startsWith(CDATA, at)) return "text";
  return text.startsWith("<!", at) ? "doctype" : "tag";
}
