import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  readMethodCall,
  readMethodResponse,
  writeFault,
  writeMethodResponse,
} from "../../../src/transport/xml-rpc/call.js";
import { XmlRpcDateTime } from "../../../src/transport/xml-rpc/scalars.js";
import { XmlRpcSyntaxError } from "../../../src/transport/xml-rpc/syntax-error.js";

interface ValueCase {
  readonly name: string;
  readonly value: string;
  readonly expect: unknown;
}
interface ValidatorCase {
  readonly method: string;
  readonly request: string;
  readonly result: unknown;
}

const FOLDER = join(import.meta.dirname, "..", "..", "vectors", "xmlrpc");
const values = casesOf<ValueCase>("values.json");
const validators = casesOf<ValidatorCase>("validator1.json");

/** This library's choices where the vectors allow several. */
const CHOICES: Record<string, unknown> = {
  "i8 (extension)": "refuse",
  "duplicate member": "refuse",
  "__proto__ member": JSON.parse('{"__proto__":{"polluted":"1"}}'),
};

describe("vectors of values", () => {
  it.each(values)("$name", ({ name, value, expect: expected }) => {
    const wanted = name in CHOICES ? CHOICES[name] : expected;
    const read = () => readMethodCall(callWith(value)).params[0];
    if (wanted === "refuse") expect(read).toThrow(XmlRpcSyntaxError);
    else expect(asVector(read())).toStrictEqual(wanted);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("keeps a __proto__ member as a member of its own", () => {
    const { value } = values.find(({ name }) => name === "__proto__ member") ?? { value: "" };
    const [struct] = readMethodCall(callWith(value)).params;
    expect(Object.keys(struct as object)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(struct)).toBe(Object.prototype);
  });
});

describe("the validator1 suite", () => {
  it.each(validators)("$method", ({ method, request, result }) => {
    const call = readMethodCall(request);
    expect(call.method).toBe(method);
    const answer = VALIDATOR[method]?.(call.params);
    const { value } = readMethodResponse(writeMethodResponse(answer));
    expect(asVector(value)).toStrictEqual(result);
  });
});

describe("the documents of the specification", () => {
  it("a request", () => {
    expect(readMethodCall(file("spec_request.xml"))).toEqual({
      method: "examples.getStateName",
      params: [41],
    });
  });

  it("a response", () => {
    expect(readMethodResponse(file("spec_response.xml"))).toEqual({ value: "South Dakota" });
  });

  it("a fault, which reads back as it is written", () => {
    const fault = { faultCode: 4, faultString: "Too many parameters." };
    expect(readMethodResponse(file("spec_fault.xml"))).toEqual({ fault });
    expect(readMethodResponse(writeFault(fault))).toEqual({ fault });
  });

  it("an array and a struct", () => {
    expect(readMethodCall(callWith(file("spec_array.xml"))).params).toEqual([
      [12, "Egypt", false, -31],
    ]);
    expect(readMethodCall(callWith(file("spec_struct.xml"))).params).toEqual([
      { lowerBound: 18, upperBound: 139 },
    ]);
  });
});

type Triple = { moe: number; larry: number; curly: number };
const sumOf = ({ moe, larry, curly }: Triple) => moe + larry + curly;

/** The methods of the suite, following its description. */
const VALIDATOR: Record<string, (params: readonly unknown[]) => unknown> = {
  "validator1.arrayOfStructsTest": ([structs]) =>
    (structs as Triple[]).reduce((sum, { curly }) => sum + curly, 0),
  "validator1.countTheEntities": ([text]) => {
    const count = (character: string) => String(text).split(character).length - 1;
    return {
      ctLeftAngleBrackets: count("<"),
      ctRightAngleBrackets: count(">"),
      ctAmpersands: count("&"),
      ctApostrophes: count("'"),
      ctQuotes: count('"'),
    };
  },
  "validator1.easyStructTest": ([struct]) => sumOf(struct as Triple),
  "validator1.echoStructTest": ([struct]) => struct,
  "validator1.manyTypesTest": (params) => params,
  "validator1.moderateSizeArrayCheck": ([texts]) =>
    `${(texts as string[]).at(0)}${(texts as string[]).at(-1)}`,
  "validator1.nestedStructTest": ([calendar]) => {
    const years = calendar as Record<string, Record<string, Record<string, Triple>>>;
    return sumOf(years["2000"]?.["04"]?.["01"] ?? { moe: 0, larry: 0, curly: 0 });
  },
  "validator1.simpleStructReturnTest": ([number]) => ({
    times10: Number(number) * 10,
    times100: Number(number) * 100,
    times1000: Number(number) * 1000,
  }),
};

function callWith(value: string): string {
  return `<methodCall><methodName>m</methodName><params><param><value>${value}</value></param></params></methodCall>`;
}

/** Writes bytes and dates in the form of the vectors. */
function asVector(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  if (value instanceof XmlRpcDateTime) return { "dateTime.iso8601": value.text };
  return Array.isArray(value) ? value.map(asVector) : value;
}

function casesOf<T>(name: string): readonly T[] {
  return (JSON.parse(file(name)) as { readonly cases: readonly T[] }).cases;
}

function file(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8");
}
