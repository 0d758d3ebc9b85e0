import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { LOCAL_CALLER } from "../../../src/auth/authenticator.js";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { VaultService } from "../../../src/transport/service/service.js";
import { readMethodResponse, writeMethodCall } from "../../../src/transport/xml-rpc/call.js";
import { respond } from "../../../src/transport/xml-rpc/exchange.js";
import { XmlRpcSyntaxError } from "../../../src/transport/xml-rpc/syntax-error.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { forgetfulVault, usedBytes } from "../../support/memory.js";
import {
  exchanged,
  forbidUnhandledRejections,
  LAST_REQUEST,
  requestBytes,
  seeded,
  statusesIn,
} from "../fuzzing.js";
import { call } from "./scene.js";

forbidUnhandledRejections();

const DOCUMENTS = 20_000;
const DOCUMENTS_TO_A_SERVER = 80_000;
const A_CONNECTION = 250;
/** When memory is first measured, and how much it may have grown at the end: 65 bytes a document. */
const SETTLED = DOCUMENTS / 5;
const MAX_GROWTH = 2 ** 20;
/** Machines are shared, so only the end of the run counts, not its duration. */
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
    const random = seeded(0x5eed);
    const outcomes = { answered: 0, faults: 0, read: 0, refused: 0 };
    const service = new VaultService(await forgetfulVault());
    let settledBytes = 0;
    for (let count = 0; count < DOCUMENTS; count++) {
      if (count === SETTLED) settledBytes = usedBytes();
      const document = mutated(SEEDS[random(SEEDS.length)] ?? Buffer.alloc(0), random);
      if (random(2) === 0) {
        const { document: xml } = await respond(document, (operation, params) =>
          service.call(operation, params, LOCAL_CALLER),
        );
        const fault = readMethodResponse(xml).fault;
        // A server fault would be a crash that was caught.
        if (fault?.faultCode === 500) throw new Error(`a document made the service fail: ${count}`);
        outcomes[fault === undefined ? "answered" : "faults"] += 1;
      } else {
        outcomes[isResponse(document) ? "read" : "refused"] += 1;
      }
    }
    const { answered, faults, read, refused } = outcomes;
    expect(answered + faults + read + refused).toBe(DOCUMENTS);
    expect(Math.min(answered, faults, read, refused)).toBeGreaterThan(20);
    expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
  },
  PATIENCE_MS,
);

it(
  `${DOCUMENTS_TO_A_SERVER} malformed documents over sockets get an answer each or end their connection, and leave a server that serves`,
  async () => {
    const random = seeded(8422);
    const server = await serveXmlRpc(await forgetfulVault(), {
      ...{ auth: trustLocalCallers(), port: 0, maxInFlight: 2 * A_CONNECTION },
      ...{ failedAuthenticationsPerMinute: "unlimited", requestTimeoutMs: 1000 },
    });
    onTestFinished(() => server.stop());
    const { port } = server.address as { readonly port: number };
    const type = "text/xml";
    const outcomes = { statuses: [] as number[], crashes: 0 };
    let settledBytes = 0;
    for (let sent = 0; sent < DOCUMENTS_TO_A_SERVER; sent += A_CONNECTION) {
      if (sent === DOCUMENTS_TO_A_SERVER / 2) settledBytes = usedBytes();
      const burst = Array.from({ length: A_CONNECTION }, () => {
        const body = mutated(SEEDS[random(SEEDS.length)] ?? Buffer.alloc(0), random);
        return requestBytes({ path: "/RPC2", type, body }, random);
      });
      const text = await exchanged(port, Buffer.concat([...burst, LAST_REQUEST]));
      outcomes.statuses.push(...statusesIn(text));
      // A server fault would be a crash that was caught.
      if (text.includes("<int>500</int>")) outcomes.crashes++;
    }
    expect(outcomes.crashes).toBe(0);
    expect(outcomes.statuses.filter((status) => status >= 500)).toEqual([]);
    // Invalid HTTP loses only the few requests after it, so nearly all of them were processed.
    expect(outcomes.statuses.length).toBeGreaterThan(DOCUMENTS_TO_A_SERVER / 2);
    expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
    const body = Buffer.from(call("health"));
    const honest = requestBytes({ path: "/RPC2", type, body }, () => 999);
    expect(await exchanged(port, Buffer.concat([honest, LAST_REQUEST]))).toContain(
      "<string>ok</string>",
    );
  },
  PATIENCE_MS,
);

function isResponse(document: Buffer): boolean {
  try {
    readMethodResponse(document);
    return true;
  } catch (error) {
    // Calling `expect` a hundred thousand times would be most of the work.
    if (error instanceof XmlRpcSyntaxError) return false;
    throw error;
  }
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
