import { describe, expect, it } from "vitest";
import { readMethodCall, writeMethodResponse } from "../../../src/transport/xml-rpc/call.js";
import { MAX_NUMERIC_REFERENCES } from "../../../src/transport/xml-rpc/characters.js";
import type { SyntaxReason } from "../../../src/transport/xml-rpc/syntax-error.js";
import { MAX_DEPTH, MAX_VALUES } from "../../../src/transport/xml-rpc/values.js";
import { charactersRead } from "../../support/characters-read.js";
import { thrownBy } from "../../support/refusals.js";

/** The number of times that each character may be read. */
const LOOKS = 10;

const call = (value: string) =>
  `<methodCall><methodName>m</methodName><params><param>${value}</param></params></methodCall>`;
const text = (content: string) => call(`<value><string>${content}</string></value>`);
const nested = (levels: number) =>
  call(`${"<value><array><data>".repeat(levels)}${"</data></array></value>".repeat(levels)}`);

const laughs = (() => {
  const entities = ["lol"];
  for (let level = 1; level < 10; level++) entities.push(`&e${level - 1};`.repeat(10));
  const declarations = entities.map((value, index) => `<!ENTITY e${index} "${value}">`).join("");
  return `<?xml version="1.0"?><!DOCTYPE methodCall [${declarations}]>${text("&e9;")}`;
})();
const quadratic = `<!DOCTYPE m [<!ENTITY a "${"a".repeat(100_000)}">]>${text("&a;".repeat(100_000))}`;
const external = (uri: string) => `<!DOCTYPE m [<!ENTITY x SYSTEM "${uri}">]>${text("&x;")}`;

const REFUSED: Record<string, readonly [SyntaxReason, string]> = {
  "billion laughs": ["doctype", laughs],
  "quadratic blow-up": ["doctype", quadratic],
  "an external entity of a file": ["doctype", external("file:///etc/passwd")],
  "an external entity of a server": ["doctype", external("http://127.0.0.1:1/")],
  "an external document type": ["doctype", `<!DOCTYPE m SYSTEM "http://127.0.0.1:1/">${text("")}`],
  "a document type in lower case": ["doctype", `<!doctype m>${text("")}`],
  "an entity without declaration": ["reference", text("&x;")],
  "an entity named like an object's member": ["reference", text("&toString;")],
  "a parameter entity": ["reference", text("&%x;")],
  "a reference without end": ["reference", text("&amp")],
  "a lone ampersand": ["reference", text("a & b")],
  "a million entities without declaration": ["reference", text("&x;".repeat(1e6))],
  "a million ampersands": ["reference", text("&".repeat(1e6))],
  "a million numeric references": ["references", text("&#65;".repeat(1e6))],
  "a numeric reference of a million digits": ["reference", text(`&#${"0".repeat(1e6)}65;`)],
  "a number beyond Unicode": ["reference", text("&#x110000;")],
  "half a surrogate pair by reference": ["reference", text("&#xD83D;&#xDE00;")],
  "a stylesheet": ["instruction", `<?xml version="1.0"?><?xml-stylesheet href="x"?>${text("")}`],
  "an instruction in text": ["instruction", text("a<?php x?>")],
  "a second declaration": ["instruction", `<?xml version="1.0"?><?xml version="1.0"?>${text("")}`],
  "a comment": ["comment", text("a<!-- b -->c")],
  "a comment that splits a number": ["comment", call("<value><int>1<!---->2</int></value>")],
  "CDATA between elements": ["text", `<methodCall><![CDATA[ ]]></methodCall>`],
  "CDATA without end": ["ending", text("<![CDATA[".repeat(1000))],
  "the end of CDATA in text": ["text", text("a]]>b")],
  "UTF-16 by declaration": ["declaration", `<?xml version="1.0" encoding="UTF-16"?>${text("")}`],
  "XML 1.1": ["declaration", `<?xml version="1.1"?>${text("&#1;")}`],
  "space before the declaration": ["instruction", ` <?xml version="1.0"?>${text("")}`],
  "an attribute": ["tag", call('<value a="b">1</value>')],
  "a namespace": ["tag", call('<value xmlns="urn:x">1</value>')],
  "a prefixed element": ["tag", call("<value><ex:nil/></value>")],
  "space before a name": ["tag", call("< value/>")],
  "a million spaces in a tag": ["tag", call(`<value${" ".repeat(1e6)}/>`)],
  "a name of a million letters": ["tag", call(`<${"v".repeat(1e6)}/>`)],
  "names in other case": ["element", call("<Value>1</Value>")],
  "tags that cross": ["nesting", call("<value><int>1</value></int>")],
  "children of an empty element": ["element", call("<value><array/><data></data></array></value>")],
  "a call that is empty and goes on": ["element", "<methodCall/><methodName>m</methodName>"],
  "an end that is empty as well": ["nesting", call("<value></value/>")],
  "a million CDATA sections": ["references", text("<![CDATA[x]]>".repeat(1e6))],
  "fifteen million ampersands": ["reference", text("&".repeat(15e6))],
  "an end too many": ["element", "</methodCall>"],
  nothing: ["ending", ""],
  "two documents": ["ending", text("") + text("")],
  "text after the end": ["text", `${text("")}x`],
  "an array one level too deep": ["depth", nested(MAX_DEPTH + 1)],
  "an array of a million levels": ["depth", nested(1e6)],
  "elements without end": ["element", "<methodCall>".repeat(1e6)],
  "one value too many": [
    "values",
    call(`<value><array><data>${"<value/>".repeat(MAX_VALUES)}</data></array></value>`),
  ],
  "one value too many, over many parameters": [
    "values",
    `<methodCall><methodName>m</methodName><params>${"<param><value/></param>".repeat(MAX_VALUES + 1)}</params></methodCall>`,
  ],
  "a member twice": [
    "member",
    call(
      `<value><struct>${"<member><name>__proto__</name><value/></member>".repeat(2)}</struct></value>`,
    ),
  ],
  "a number of a million digits": [
    "value",
    call(`<value><double>${"1".repeat(1e6)}</double></value>`),
  ],
  "a number that overflows": ["number", call("<value><double>1e999</double></value>")],
  "an integer that cannot be kept": ["number", call("<value><i8>9007199254740993</i8></value>")],
  "base64 with spare bits": ["value", call("<value><base64>QR==</base64></value>")],
  "base64 with a letter that only ends like one of its own": [
    "value",
    call("<value><base64>QU\u0142D</base64></value>"),
  ],
  "base64 of another alphabet": ["value", call("<value><base64>_-__</base64></value>")],
  "a method name with markup": [
    "method",
    "<methodCall><methodName>&lt;a&gt;</methodName></methodCall>",
  ],
  "a method name of a million letters": [
    "method",
    `<methodCall><methodName>${"m".repeat(1e6)}</methodName></methodCall>`,
  ],
  "a NUL": ["character", text("\u0000")],
  "an escape character": ["character", text("\u001b")],
};

describe("the reader refuses, by work that grows as the document does,", () => {
  it.each(Object.entries(REFUSED))("%s", async (_, [reason, document]) => {
    const bytes = Buffer.from(document);
    let error: unknown;
    const looks = await charactersRead(async () => {
      error = await thrownBy(() => readMethodCall(bytes));
    });
    expect(error).toMatchObject({ name: "XmlRpcSyntaxError", reason });
    expect(looks).toBeLessThan(LOOKS * (bytes.length + 1));
  });

  it("bytes that are not UTF-8, and UTF-16", () => {
    for (const bytes of [
      Buffer.from(text("\u00e9"), "latin1"),
      Buffer.from(`\ufeff${text("")}`, "utf16le"),
      Buffer.from([0xc0, 0xbc]),
      Buffer.from([0xed, 0xa0, 0x80]),
    ]) {
      expect(() => readMethodCall(bytes)).toThrow(expect.objectContaining({ reason: "encoding" }));
    }
  });
});

describe("the reader's work", () => {
  it.each([
    ["text", "a".repeat(64)],
    ["entities", "&lt;&amp;&gt;"],
    ["line ends", "\r\n\r"],
  ])("grows as the document does: %s", (_, unit) => {
    const units = 20_000;
    const once = durationOf(text(unit.repeat(units)));
    const eightfold = durationOf(text(unit.repeat(8 * units)));
    // Quadratic work would take 64 times as long.
    expect(eightfold).toBeLessThan(32 * Math.max(once, 2));
  });

  it.each([
    "a million numeric references",
    "a million CDATA sections",
    "a million entities without declaration",
    "billion laughs",
    "quadratic blow-up",
  ])("to refuse %s takes less than 50 ms", (name) => {
    const [, document = ""] = REFUSED[name] ?? [];
    expect(document).not.toBe("");
    expect(durationOf(Buffer.from(document))).toBeLessThan(50);
  });

  it("to read a million entities, or all numeric references allowed, takes less than 50 ms", () => {
    expect(durationOf(Buffer.from(text("&amp;".repeat(1e6))))).toBeLessThan(50);
    const references = "&#13;".repeat(MAX_NUMERIC_REFERENCES);
    expect(durationOf(Buffer.from(text(references)))).toBeLessThan(50);
  });

  it("takes the line ends of any system for line feeds, and CDATA as it is", () => {
    const lines = "a\r\nb\rc\nd\r\r\n\n&#13;<![CDATA[e\r\nf&amp;<&#13;]]>";
    expect(readMethodCall(text(lines)).params).toEqual(["a\nb\nc\nd\n\n\n\re\nf&amp;<&#13;"]);
  });

  it("reads as many numeric references as the writer may write", () => {
    const returns = "\r".repeat(MAX_NUMERIC_REFERENCES);
    const response = writeMethodResponse(returns);
    expect(readMethodCall(text("&#13;".repeat(MAX_NUMERIC_REFERENCES))).params[0]).toBe(returns);
    expect(response.split("&#13;").length - 1).toBe(MAX_NUMERIC_REFERENCES);
  });

  it("reads the deepest value and the largest number of values allowed", () => {
    expect(readMethodCall(nested(MAX_DEPTH)).params).toHaveLength(1);
    const wide = `<value><array><data>${"<value/>".repeat(MAX_VALUES - 1)}</data></array></value>`;
    expect(readMethodCall(call(wide)).params[0]).toHaveLength(MAX_VALUES - 1);
  });
});

/**
 * Returns the shortest of several runs, in milliseconds of this process, because other processes use the
 * machine too.
 */
function durationOf(document: string | Uint8Array): number {
  const runs = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage();
    try {
      readMethodCall(document);
    } catch {
      // A refusal takes time too.
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...runs);
}
