/** Why a document is not XML-RPC; the texts are fixed and hold nothing of the document. */
const REASONS = {
  encoding: "The document is not UTF-8.",
  declaration: "The XML declaration must name version 1.0 and, if any, the encoding UTF-8.",
  doctype: "A document type declaration is not allowed: entities are never expanded.",
  instruction: "A processing instruction is not allowed.",
  comment: "A comment is not allowed.",
  character: "The document has a character that XML does not allow.",
  reference: "The document has an entity or a character reference that is not allowed.",
  references: "The document has too many numeric character references or CDATA sections.",
  tag: "The document has a tag that is not a plain start or end tag.",
  nesting: "The document's tags are not nested as they must be.",
  element: "The document has an element where XML-RPC has another or none.",
  text: "The document has text where XML-RPC has none.",
  ending: "The document ends too early, or goes on after its end.",
  depth: "The document nests too deeply.",
  values: "The document has too many values.",
  value: "A value's text does not fit its type.",
  number: "A number is outside what can be kept exactly.",
  member: "A struct has two members of one name.",
  method: "The method name is missing or malformed.",
  unknown: "There is no such method: system.listMethods lists them.",
  fault: "The fault is not a struct of faultCode and faultString.",
} as const;

/** A name for why a document is refused. */
export type SyntaxReason = keyof typeof REASONS;

/** A document is not well-formed XML, or not XML-RPC, or beyond the reader's bounds. */
export class XmlRpcSyntaxError extends SyntaxError {
  override readonly name = "XmlRpcSyntaxError" as const;
  readonly reason: SyntaxReason;
  constructor(reason: SyntaxReason) {
    super(REASONS[reason]);
    this.reason = reason;
  }
}
