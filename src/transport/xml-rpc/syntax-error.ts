/** The reasons why a document is not XML-RPC. The texts are fixed and contain no part of the document. */
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

/** The name of a reason for refusing a document. */
export type SyntaxReason = keyof typeof REASONS;

/** A document is not well-formed XML, is not XML-RPC, or exceeds the reader's limits. */
export class XmlRpcSyntaxError extends SyntaxError {
  override readonly name = "XmlRpcSyntaxError" as const;
  readonly reason: SyntaxReason;
  constructor(reason: SyntaxReason) {
    super(REASONS[reason]);
    this.reason = reason;
  }
}
