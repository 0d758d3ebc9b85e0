import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  FrameDecoder,
  FrameTooLargeError,
  FrameWriter,
  frameOf,
} from "../../../src/transport/json-rpc/frames.js";

const MAX = 1024;
const decoder = (maxFrameBytes = MAX): FrameDecoder => new FrameDecoder({ maxFrameBytes });

/** Returns the texts of all complete frames. */
function drained(from: FrameDecoder): string[] {
  const texts: string[] = [];
  for (let frame = from.next(); frame !== undefined; frame = from.next()) {
    texts.push(frame.toString());
  }
  return texts;
}

describe("a decoder", () => {
  const texts = ["", "a", "grüße", "x".repeat(70), ""];
  const stream = Buffer.concat(texts.map(frameOf));

  it("returns the same frames wherever the stream is split in two", () => {
    for (let at = 0; at <= stream.length; at++) {
      const frames = decoder();
      frames.push(stream.subarray(0, at));
      const first = drained(frames);
      frames.push(stream.subarray(at));
      expect([...first, ...drained(frames)]).toEqual(texts);
      expect(frames.isMidFrame).toBe(false);
    }
  });

  it("returns them from chunks of any one size, pulled late or early", () => {
    for (let size = 1; size <= stream.length; size++) {
      const early = decoder();
      const late = decoder();
      const seen: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        early.push(stream.subarray(at, at + size));
        late.push(stream.subarray(at, at + size));
        seen.push(...drained(early));
      }
      expect(seen).toEqual(texts);
      expect(drained(late)).toEqual(texts);
    }
  });

  it("refuses a length over the bound before anything of the body is there", () => {
    for (const header of ["ffffffff", "80000000", "00000401", "504f5354"]) {
      const frames = decoder();
      frames.push(Buffer.from(header, "hex"));
      expect(() => frames.next()).toThrow(FrameTooLargeError);
      expect(frames.heldBytes).toBe(0);
    }
    const exact = decoder();
    exact.push(frameOf("x".repeat(MAX)));
    expect(drained(exact)).toEqual(["x".repeat(MAX)]);
  });

  it("holds memory for received bytes, not for the length that a header announces", () => {
    const frames = decoder(2 ** 32);
    frames.push(Buffer.from("ffffffff", "hex"));
    expect(frames.next()).toBeUndefined();
    expect(frames.heldBytes).toBe(0);
    for (let at = 0; at < 200_000; at++) {
      frames.push(Buffer.of(at & 0xff));
      if (frames.next() !== undefined) throw new Error("a frame that nobody sent");
    }
    expect(frames.heldBytes).toBeLessThanOrEqual(2 * 200_000);
  });

  it("lets a frame wait until its bytes can be reserved, and reports the reservation", () => {
    let room = 10;
    const frames = new FrameDecoder({
      maxFrameBytes: MAX,
      reserve: (bytes) => {
        if (bytes > room) return false;
        room -= bytes;
        return true;
      },
    });
    frames.push(Buffer.concat([frameOf("12345678"), frameOf("123")]).subarray(0, 17));
    expect(frames.next()?.toString()).toBe("12345678");
    expect(frames.next()).toBeUndefined();
    expect(frames.isWaiting).toBe(true);
    expect(frames.reservedBytes).toBe(0);
    room = 3;
    expect(frames.next()).toBeUndefined();
    expect(frames.reservedBytes).toBe(3);
    frames.push(Buffer.from("23"));
    expect(frames.next()?.toString()).toBe("123");
    expect(room).toBe(0);
  });
});

/** Returns the texts of the frames in a piece, separated by bars. */
function framesIn(piece: Uint8Array): string {
  const decoder = new FrameDecoder({ maxFrameBytes: piece.length });
  decoder.push(Buffer.from(piece));
  const texts: string[] = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
    texts.push(frame.toString());
  }
  return texts.join("|");
}

describe("a writer", () => {
  /** A sink that records its calls. */
  function sink(): {
    told: string[];
    cork(): void;
    uncork(): void;
    write(chunk: Uint8Array): boolean;
  } {
    const told: string[] = [];
    return {
      told,
      cork: () => void told.push("cork"),
      uncork: () => void told.push("uncork"),
      write: (chunk) => told.push(framesIn(chunk)) > 0,
    };
  }

  it("hands over the frames of one turn of the event loop at once", async () => {
    const into = sink();
    const writer = new FrameWriter(into);
    let handedOver = 0;
    writer.write("a", { handedOver: () => handedOver++ });
    await Promise.resolve();
    expect(writer.write("ü")).toBe(6);
    expect([handedOver, writer.waitingBytes]).toEqual([0, 11]);
    await nextTurn();
    expect(into.told).toEqual(["cork", "a|ü", "uncork"]);
    expect([handedOver, writer.waitingBytes]).toEqual([1, 0]);
  });

  it("copies no large frame into a piece with others, and keeps their order", async () => {
    const into = sink();
    const writer = new FrameWriter(into);
    const large = "x".repeat(70_000);
    for (const text of ["a", "b", large, "c", "d"]) writer.write(text);
    await nextTurn();
    expect(into.told).toEqual(["cork", "a|b", large, "c|d", "uncork"]);
  });

  it("sends no dropped frame, and reports it as done", async () => {
    const into = sink();
    const writer = new FrameWriter(into);
    let done = 0;
    writer.write("a", { done: () => done++ });
    writer.drop();
    await nextTurn();
    expect(into.told).toEqual([]);
    expect(done).toBe(1);
  });
});
