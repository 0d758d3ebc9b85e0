/** Reads and writes whole documents: calls, responses and faults. */
import { XmlReader } from "./reader.js";
import { XmlRpcSyntaxError } from "./syntax-error.js";
import { type ReadOptions, ValueReader } from "./values.js";
import { ValueWriter } from "./writer.js";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const METHOD_NAME = /^[A-Za-z0-9_.:/]{1,128}$/;

/** A `methodCall`. */
export interface MethodCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** The reason why a call failed, as the other side states it. */
export interface Fault {
  readonly faultCode: number;
  readonly faultString: string;
}

/** A `methodResponse`. */
export type MethodResponse =
  | { readonly value: unknown; readonly fault?: undefined }
  | { readonly fault: Fault; readonly value?: undefined };

/** @throws {@link XmlRpcSyntaxError} The document is not a `methodCall`. */
export function readMethodCall(document: Uint8Array | string, options?: ReadOptions): MethodCall {
  const reader = new XmlReader(document);
  reader.open("methodCall");
  reader.open("methodName");
  const method = reader.text();
  if (!METHOD_NAME.test(method)) throw new XmlRpcSyntaxError("method");
  reader.close();
  const params = readParams(reader, options);
  reader.close();
  reader.end();
  return { method, params };
}

/** @throws {@link XmlRpcSyntaxError} The document is not a `methodResponse`. */
export function readMethodResponse(
  document: Uint8Array | string,
  options?: ReadOptions,
): MethodResponse {
  const reader = new XmlReader(document);
  reader.open("methodResponse");
  reader.skipSpace();
  const response = readOutcome(reader, options);
  reader.close();
  reader.end();
  return response;
}

/**
 * @throws TypeError A parameter has a type that XML-RPC lacks.
 * @throws RangeError A parameter is outside the range of XML-RPC.
 */
export function writeMethodCall({ method, params }: MethodCall): string {
  if (!METHOD_NAME.test(method)) throw new RangeError("method must be a name of XML-RPC");
  const writer = new ValueWriter();
  let xml = `${DECLARATION}<methodCall><methodName>${method}</methodName><params>`;
  for (const param of params) xml += `<param>${writer.value(param)}</param>`;
  return `${xml}</params></methodCall>\n`;
}

/**
 * @throws TypeError The value has a type that XML-RPC lacks.
 * @throws RangeError The value is outside the range of XML-RPC.
 */
export function writeMethodResponse(value: unknown): string {
  const param = `<param>${new ValueWriter().value(value)}</param>`;
  return `${DECLARATION}<methodResponse><params>${param}</params></methodResponse>\n`;
}

/** Returns the `methodResponse` of a failed call. */
export function writeFault({ faultCode, faultString }: Fault): string {
  const value = new ValueWriter().value({ faultCode, faultString });
  return `${DECLARATION}<methodResponse><fault>${value}</fault></methodResponse>\n`;
}

/** A call without parameters may leave `params` out. */
function readParams(reader: XmlReader, options: ReadOptions | undefined): unknown[] {
  const params: unknown[] = [];
  if (!reader.hasChild()) return params;
  reader.open("params");
  const values = new ValueReader(reader, options);
  while (reader.hasChild()) {
    reader.open("param");
    params.push(values.value());
    reader.close();
  }
  reader.close();
  return params;
}

function readOutcome(reader: XmlReader, options: ReadOptions | undefined): MethodResponse {
  const kind = reader.tryOpen();
  if (kind !== "params" && kind !== "fault") throw new XmlRpcSyntaxError("element");
  if (kind === "params") reader.open("param");
  const value = new ValueReader(reader, options).value();
  if (kind === "params") reader.close();
  reader.close();
  return kind === "params" ? { value } : { fault: faultOf(value) };
}

function faultOf(value: unknown): Fault {
  const { faultCode, faultString } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof faultCode !== "number" || typeof faultString !== "string") {
    throw new XmlRpcSyntaxError("fault");
  }
  return { faultCode, faultString };
}
