import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeMessages } from "../../src/cli/message-events.js";
import type { ReadLine } from "../../src/cli/message-lines.js";

interface Read {
  readonly received: readonly ReadLine[];
  /** The remaining stream for the next reader. */
  readonly left: string;
}

async function read(chunks: readonly Uint8Array[], maxBytes?: number): Promise<Read> {
  const received: ReadLine[] = [];
  const taking = takeMessages({
    receive: (one) => received.push(one),
    endsUnreadable: true,
    maxBytes,
  });
  const left = new Response(ReadableStream.from(chunks).pipeThrough(taking as never));
  return { left: await left.text(), received };
}

function readText(text: string, maxBytes?: number): Promise<Read> {
  return read([Buffer.from(text)], maxBytes);
}

const RESULT = '{"jsonrpc":"2.0","id":7,"result":{}}';
const ANSWERED = 'data: {"jsonrpc":"2.0","id":0,"result":{}}\n\n';
const message = (value: unknown): ReadLine => ({ kind: "message", value });

describe("events of messages", () => {
  it("are read with every kind of line end, for any division of the stream", async () => {
    const values = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })));
    const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
    const ends = fc.constantFrom("\n", "\r", "\r\n");
    await fc.assert(
      fc.asyncProperty(values, ends, cuts, async (sent, end, lengths) => {
        const texts = sent.map((value) => `data: ${JSON.stringify(value)}${end}${end}`);
        const { received } = await read(piecesOf(Buffer.from(texts.join("")), lengths));
        expect(received).toEqual(sent.map((value) => message(JSON.parse(JSON.stringify(value)))));
      }),
    );
  });

  it("may begin with a byte order mark, and have their data on several lines", async () => {
    const { received } = await readText('\ufeffdata: {"a":\ndata:1}\n\n');
    expect(received).toEqual([message({ a: 1 })]);
  });

  it("leave only the resumption fields and the fact that a response arrived", async () => {
    const { left, received } = await readText(
      `id: 1\ndata:\n\nid: 2\nretry: 9\ndata: {"jsonrpc":"2.0","method":"m"}\n\nid: 3\ndata: ${RESULT}\n\n`,
    );
    expect(left).toBe(`id: 1\ndata:\n\nid: 2\nretry: 9\ndata:\n\nid: 3\n${ANSWERED}`);
    expect(received).toHaveLength(2);
  });

  it("are not messages if they are comments, have another type, or are incomplete", async () => {
    const { received } = await readText(
      `: hello\n\nevent: other\ndata: ${RESULT}\n\nevent: message\ndata: ${RESULT}\n\ndata: ${RESULT}\n`,
    );
    expect(received).toEqual([message(JSON.parse(RESULT))]);
  });

  it.each([
    ["no JSON", "{"],
    ["no message", "1"],
    ["nested too deep", `{"a":${"[".repeat(300)}${"]".repeat(300)}}`],
    ["with a number that would be changed", '{"a":12345678901234567891}'],
    ["with a member twice", '{"a":1,"a":2}'],
  ])("are unreadable when they are %s, and later events are still read", async (_, data) => {
    const { received, left } = await readText(`data: ${data}\n\ndata: ${RESULT}\n\n`);
    expect(received).toEqual([{ kind: "unreadable" }, message(JSON.parse(RESULT))]);
    expect(left).toBe(ANSWERED.repeat(2));
  });

  it("are unreadable when they are not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from('data: {"a":"'), Buffer.from([0xff, 0x22, 0x7d])]);
    const { received } = await read([bytes, Buffer.from("\n\n")]);
    expect(received).toEqual([{ kind: "unreadable" }]);
  });

  it.each([
    ["in one line", `data: "${"x".repeat(100)}`, 50],
    ["in many lines", "data: xxxxx\n".repeat(20), 50],
    ["in empty lines", "data\n".repeat(200_000), undefined],
  ])("are unreadable when too long %s, before they end", async (_, text, maxBytes) => {
    const unreadable = { kind: "unreadable" };
    expect((await readText(text, maxBytes)).received).toEqual([unreadable]);
    const { received } = await readText(`${text}\n\ndata: {}\n\n`, maxBytes);
    expect(received).toEqual([unreadable, message({})]);
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
