import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LOCAL_CALLER } from "../../../src/auth/authenticator.js";
import { VaultService } from "../../../src/transport/service.js";
import { readMethodResponse, writeMethodCall } from "../../../src/transport/xml-rpc/call.js";
import { answer } from "../../../src/transport/xml-rpc/exchange.js";
import { XmlRpcSyntaxError } from "../../../src/transport/xml-rpc/syntax-error.js";
import { forgetfulVault, usedBytes } from "../../support/memory.js";

const DOCUMENTS = 100_000;
/** When memory is looked at first, and by how much it may have grown at the end: 13 bytes a document. */
const SETTLED = DOCUMENTS / 5;
const MAX_GROWTH = 2 ** 20;
/** Machines are shared: that it ends is what counts. */
const PATIENCE_MS = 240_000;
const FOLDER = join(import.meta.dirname, "..", "..", "vectors", "xmlrpc");
const SEEDS = [
  ...["spec_fault.xml", "spec_request.xml", "spec_response.xml"].map((name) =>
    readFileSync(join(FOLDER, name)),
  ),
  ...[
    [{ a: [1, 2.5, null, true], "<&>": "\r\u{1f600}" }, "owner", "view", 300, ["grantee"]],
    [new Uint8Array(9), "owner", "view"],
  ].map((params) => Buffer.from(writeMethodCall({ method: "vault.seal", params }))),
];
const PIECES = [
  "<!DOCTYPE x [<!ENTITY a 'b'>]>",
  "<?x?>",
  "<!--",
  "-->",
  "<![CDATA[",
  "]]>",
  "&#x",
  "&#0;",
  "&amp;",
  "<value>",
  "</value>",
  "<struct>",
  "<array><data>",
  "<nil/>",
  "<",
  ">",
  "&",
  ";",
  "\0",
  "\r",
  "1e999",
].map((piece) => Buffer.from(piece));

it(
  `${DOCUMENTS} malformed documents are answered or refused with typed errors, in bounded time and memory`,
  async () => {
    const random = generator(0x5eed);
    const outcomes = { answered: 0, faults: 0, read: 0, refused: 0 };
    const service = new VaultService(await forgetfulVault());
    let settledBytes = 0;
    for (let count = 0; count < DOCUMENTS; count++) {
      if (count === SETTLED) settledBytes = usedBytes();
      const document = mutated(SEEDS[random(SEEDS.length)] ?? Buffer.alloc(0), random);
      if (random(2) === 0) {
        const { document: xml } = await answer(document, (operation, params) =>
          service.call(operation, params, LOCAL_CALLER),
        );
        const fault = readMethodResponse(xml).fault;
        // A fault of the server's own would be a crash that was caught.
        if (fault?.faultCode === 500) throw new Error(`a document made the service fail: ${count}`);
        outcomes[fault === undefined ? "answered" : "faults"] += 1;
      } else {
        outcomes[isResponse(document) ? "read" : "refused"] += 1;
      }
    }
    const { answered, faults, read, refused } = outcomes;
    expect(answered + faults + read + refused).toBe(DOCUMENTS);
    expect(Math.min(answered, faults, read, refused)).toBeGreaterThan(100);
    expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
  },
  PATIENCE_MS,
);

function isResponse(document: Buffer): boolean {
  try {
    readMethodResponse(document);
    return true;
  } catch (error) {
    // Bare `expect` a hundred thousand times would be most of the work.
    if (error instanceof XmlRpcSyntaxError) return false;
    throw error;
  }
}

/** Returns whole numbers below a bound, the same ones for the same seed (xorshift, 32 bits). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutated(seed: Buffer, random: (below: number) => number): Buffer {
  let document: Buffer = Buffer.from(seed);
  for (let left = 1 + random(3); left > 0; left--) document = mutatedOnce(document, random);
  return document;
}

function mutatedOnce(document: Buffer, random: (below: number) => number): Buffer {
  const at = random(document.length + 1);
  const to = Math.min(document.length, at + random(40));
  const piece = PIECES[random(PIECES.length)] ?? document;
  switch (random(5)) {
    case 0:
      return Buffer.concat([document.subarray(0, at), document.subarray(to)]);
    case 1:
      return Buffer.concat([document.subarray(0, at), piece, document.subarray(at)]);
    case 2:
      return Buffer.concat([document.subarray(0, to), document.subarray(at)]);
    case 3:
      return document.subarray(0, at);
    default:
      if (at < document.length) document[at] = random(256);
      return document;
  }
}
