/** Measures streams that hydrate text in one process, and prints the results as JSON. */
import { HandleVault } from "handlevault";
import { hydrateStream } from "handlevault/template";
import { median } from "./median.js";
import { record } from "./payloads.js";

/** Microseconds from writing a chunk until the stream has read it and forwarded its completed text. */
export interface PushTimes {
  readonly median: number;
  readonly p99: number;
}

type Pair = TransformStream<string, string>;

const PRINCIPAL = "spiffe://example.org/gateway";
const CHUNK_LENGTH = 16;
const CHUNKS = 100_000;
/** The warm-up, in chunks. It opens every handle, because unsealing is not part of the stream's cost. */
const WARM_UP_CHUNKS = 10_000;
const HANDLES = 100;
/** Contains an incomplete tag and a brace, so that the stream holds back a part of every line. */
const PROSE = "The <b>results</b> of {March} are in line with those of the year before, see ";

/** Returns chunks of a text that repeats several handles many times. */
async function chunksOf(vault: HandleVault): Promise<string[]> {
  const options = { ownerPrincipal: PRINCIPAL, safeView: "patient record, 7 fields" };
  const handles = await Promise.all(
    Array.from({ length: HANDLES }, () => vault.seal(record, options)),
  );
  const ids = handles.map(({ id }) => id);
  const lines: string[] = [];
  for (let length = 0, line = 0; length < CHUNKS * CHUNK_LENGTH; line++) {
    lines.push(`${PROSE}{{${ids[line % HANDLES]}#/name}}.\n`);
    length += lines.at(-1)?.length ?? 0;
  }
  const text = lines.join("");
  return Array.from({ length: CHUNKS }, (_, index) =>
    text.slice(index * CHUNK_LENGTH, (index + 1) * CHUNK_LENGTH),
  );
}

/** Writes to a pair of streams whose output is read immediately. */
class Subject {
  readonly #times: number[] = [];
  readonly #writer: WritableStreamDefaultWriter<string>;

  constructor({ readable, writable }: Pair) {
    this.#writer = writable.getWriter();
    void readable.pipeTo(new WritableStream());
  }

  async push(chunk: string): Promise<void> {
    await this.#writer.ready;
    const start = performance.now();
    await this.#writer.write(chunk);
    this.#times.push((performance.now() - start) * 1000);
  }

  times(): PushTimes {
    const sorted = this.#times.slice(WARM_UP_CHUNKS).toSorted((a, b) => a - b);
    return { median: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
  }
}

/** Alternates the streams for every chunk, with changing order. */
async function interleaved(): Promise<Record<"bare" | "hydrating", PushTimes>> {
  const vault = new HandleVault();
  const chunks = await chunksOf(vault);
  const bare = new Subject(new TransformStream<string, string>());
  const hydrating = new Subject(hydrateStream(vault, { requestingPrincipal: PRINCIPAL }));
  for (const [turn, chunk] of chunks.entries()) {
    const order = turn % 2 === 0 ? [bare, hydrating] : [hydrating, bare];
    for (const subject of order) await subject.push(chunk);
  }
  return { bare: bare.times(), hydrating: hydrating.times() };
}

console.log(JSON.stringify(await interleaved()));
