import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageLine, type ReadLine, readMessages } from "../../src/cli/message-lines.js";

async function read(chunks: readonly Uint8Array[], maxBytes?: number): Promise<ReadLine[]> {
  async function* input() {
    yield* chunks;
  }
  const lines: ReadLine[] = [];
  for await (const line of readMessages(input(), maxBytes)) lines.push(line);
  return lines;
}

function readText(text: string, maxBytes?: number): Promise<ReadLine[]> {
  return read([Buffer.from(text)], maxBytes);
}

const kindsOf = (lines: readonly ReadLine[]) => lines.map(({ kind }) => kind);

describe("lines of messages", () => {
  it("are read unchanged, for any division of the stream", async () => {
    const message = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(message), cuts, async (messages, lengths) => {
        const bytes = Buffer.from(messages.map(messageLine).join(""));
        const lines = await read(piecesOf(bytes, lengths));
        const expected = messages.map((value) => JSON.parse(JSON.stringify(value)));
        expect(lines).toEqual(expected.map((value) => ({ kind: "message", value })));
      }),
    );
  });

  it("may end in a carriage return, be blank, or lack the last newline", async () => {
    const lines = await readText('{"a":1}\r\n\n \t\r\n{"b":2}');
    expect(lines).toEqual([
      { kind: "message", value: { a: 1 } },
      { kind: "message", value: { b: 2 } },
    ]);
  });

  it("contain only a message or a batch", async () => {
    expect(kindsOf(await readText('[{"a":1},{"b":2}]\n'))).toEqual(["message"]);
    expect(kindsOf(await readText("[]\n[1]\n[[{}]]\n"))).toEqual(Array(3).fill("noise"));
    const many = JSON.stringify(Array(101).fill({ jsonrpc: "2.0" }));
    expect(kindsOf(await readText(`${many}\n`))).toEqual(["unreadable"]);
  });

  it.each([
    "Server started",
    "1",
    '"text"',
    "null",
    "  ok { }",
    "[dotenv@17.2.3] injecting env (3) from .env",
    "[INFO] listening",
    "[2026-11-30 21:50:00] ready",
    "{ port: 3000 }",
    "{",
    '{"level":30,"msg":"listening"',
    `{"a":"${"x".repeat(4096)}","jsonrpc":`,
    'sent: {"jsonrpc":"2.0","id":1,"result":{}}',
  ])("are noise if they are not JSON-RPC: %s", async (line) => {
    expect(kindsOf(await readText(`${line}\n`))).toEqual(["noise"]);
  });

  it.each([
    ["cut short", '{"jsonrpc":"2.0"'],
    ["not quite JSON", '{"jsonrpc":"2.0","a":1,}'],
    ["one of a damaged batch", '[{"jsonrpc":"2.0"},{]'],
    ["one line of a message on several", '  "jsonrpc": "2.0",'],
    ["nested too deep", `{"jsonrpc":"2.0","a":${"[".repeat(300)}${"]".repeat(300)}}`],
    ["with a number that would be changed", '{"jsonrpc":"2.0","a":12345678901234567891}'],
  ])("are unreadable when they are %s", async (_, line) => {
    expect(kindsOf(await readText(`${line}\n`))).toEqual(["unreadable"]);
  });

  it("may begin with a byte order mark, or with colours", async () => {
    const lines = await readText('\ufeff{"a":1}\n\u001b[0m\u001b[32m{"b":2}\n');
    expect(lines).toEqual([
      { kind: "message", value: { a: 1 } },
      { kind: "message", value: { b: 2 } },
    ]);
  });

  it("are unreadable when they are not UTF-8", async () => {
    const line = Buffer.from([...Buffer.from('{"jsonrpc":"'), 0xff, ...Buffer.from('"}\n')]);
    expect(kindsOf(await read([line]))).toEqual(["unreadable"]);
  });

  it("are unreadable when too long, and later lines are still read", async () => {
    const long = JSON.stringify({ a: "x".repeat(100) });
    const lines = await readText(`${long}\n{"b":1}\n${long}`, 50);
    expect(kindsOf(lines)).toEqual(["unreadable", "message", "unreadable"]);
  });

  it("take limited memory, however long they are", async () => {
    const chunk = Buffer.alloc(65_536, "x");
    let pulled = 0;
    async function* endless() {
      for (; pulled < 2000; pulled++) yield chunk;
    }
    const before = process.memoryUsage().arrayBuffers;
    const lines: ReadLine[] = [];
    for await (const line of readMessages(endless(), 65_536)) lines.push(line);
    expect(kindsOf(lines)).toEqual(["unreadable"]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});

function piecesOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; start < bytes.length; index++) {
    const end = start + (lengths[index % lengths.length] ?? 1);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}
