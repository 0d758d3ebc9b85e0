/** Request smuggling: a request that two HTTP parsers could split differently is refused. */
import { connect } from "node:net";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { HandleVault } from "../../../../src/index.js";
import { serveHttp } from "../../../../src/transport/http.js";
import { writeMethodCall } from "../../../../src/transport/xml-rpc/call.js";
import { serveXmlRpc } from "../../../../src/transport/xml-rpc.js";
import { OWNER, sealOptions } from "../../../support/vault.js";

const TOKEN = "token";
const auth = {
  authenticate: ({ bearerToken }: { readonly bearerToken?: string | undefined }) =>
    bearerToken === TOKEN ? { principal: OWNER } : undefined,
};
const LIMITS = { headersTimeoutMs: 2000, requestTimeoutMs: 2000, idleTimeoutMs: 300 };

const WIRES = {
  http: {
    serve: serveHttp,
    type: "application/json",
    path: (id: string) => `/handles/${id}/unseal`,
    body: () => "{}",
  },
  "xml-rpc": {
    serve: serveXmlRpc,
    type: "text/xml",
    path: () => "/RPC2",
    body: (id: string) => writeMethodCall({ method: "unseal", params: [id] }),
  },
} as const;

const HEADERS = ["Host: localhost", `Authorization: Bearer ${TOKEN}`];

/** Framings that parsers interpret differently; one interpretation reads `inner` as a request. */
const AMBIGUOUS: Readonly<Record<string, (inner: string) => readonly [string[], string]>> = {
  "a length and chunks": (inner) => [
    [`Content-Length: ${5 + inner.length}`, "Transfer-Encoding: chunked"],
    `0\r\n\r\n${inner}`,
  ],
  "chunks, and a length after them": (inner) => [
    ["Transfer-Encoding: chunked", `Content-Length: ${5 + inner.length}`],
    `0\r\n\r\n${inner}`,
  ],
  "two lengths": (inner) => [["Content-Length: 0", `Content-Length: ${inner.length}`], inner],
  "a list of lengths": (inner) => [[`Content-Length: 0, ${inner.length}`], inner],
  "a length with a sign": (inner) => [["Content-Length: +0"], inner],
  "a negative length": (inner) => [["Content-Length: -1"], inner],
  "a length in hexadecimal": (inner) => [["Content-Length: 0x0"], inner],
  "a length with a space before its colon": (inner) => [["Content-Length : 0"], inner],
  "a coding that is not chunked": (inner) => [["Transfer-Encoding: identity"], inner],
  "a coding after chunked": (inner) => [
    ["Transfer-Encoding: chunked, identity"],
    `0\r\n\r\n${inner}`,
  ],
  "a coding with a vertical tab": (inner) => [
    ["Transfer-Encoding: \vchunked", "Content-Length: 0"],
    inner,
  ],
  "a folded header": (inner) => [["Transfer-Encoding:\r\n chunked"], `0\r\n\r\n${inner}`],
  "a header that ends in a line feed alone": (inner) => [["X: y\nContent-Length: 0"], inner],
  "a header that ends in a carriage return alone": (inner) => [["X: y\rContent-Length: 0"], inner],
  "a NUL in a header": (inner) => [["X: y\0", "Content-Length: 0"], inner],
  "a chunk's length with more behind it": (inner) => [
    ["Transfer-Encoding: chunked"],
    `0x0\r\n\r\n${inner}`,
  ],
  "a chunk's length that overflows": (inner) => [
    ["Transfer-Encoding: chunked"],
    `10000000000000000\r\n\r\n${inner}`,
  ],
  "a chunk that ends in a line feed alone": (inner) => [
    ["Transfer-Encoding: chunked"],
    `0\n\n${inner}`,
  ],
};

describe.each(Object.entries(WIRES))("over %s", (_, wire) => {
  let opened = 0;
  let port = 0;
  let id = "";
  beforeEach(async () => {
    class Counting extends HandleVault {
      override async unseal<T>(handle: string, principal: string): Promise<T> {
        opened++;
        return await super.unseal<T>(handle, principal);
      }
    }
    opened = 0;
    const vault = new Counting();
    ({ id } = await vault.seal("secret", sealOptions()));
    const server = await wire.serve(vault, { auth, port: 0, ...LIMITS });
    onTestFinished(() => server.stop());
    ({ port } = server.address as { readonly port: number });
  });

  const request = (framing: readonly string[], body: string): string =>
    [
      `POST ${wire.path(id)} HTTP/1.1`,
      ...[...HEADERS, `Content-Type: ${wire.type}`, ...framing],
      `\r\n${body}`,
    ].join("\r\n");

  const honest = (): string => request([`Content-Length: ${wire.body(id).length}`], wire.body(id));

  it("a request opens its handle, and so does the next one", async () => {
    await sent(port, honest() + honest());
    expect(opened).toBe(2);
  });

  it.each(Object.entries(AMBIGUOUS))("no request is found behind %s", async (_name, frame) => {
    const [framing, body] = frame(honest());
    const answer = await sent(port, request(framing, body));
    expect(opened).toBe(0);
    expect(answer).not.toContain("secret");
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it("no protocol is changed to, and no other host is connected to", async () => {
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: h2c",
      `Content-Length: ${wire.body(id).length}`,
    ];
    expect(await sent(port, request(upgrade, wire.body(id)))).not.toMatch(/^HTTP\/1\.1 101/);
    expect(
      await sent(port, `CONNECT example.org:443 HTTP/1.1\r\n${HEADERS.join("\r\n")}\r\n\r\n`),
    ).not.toMatch(/^HTTP\/1\.1 2/);
  });

  it("a target of another form than a path leads nowhere", async () => {
    for (const target of [`http://localhost${wire.path(id)}`, `//localhost${wire.path(id)}`, "*"]) {
      const body = wire.body(id);
      const head = request([`Content-Length: ${body.length}`], body).replace(wire.path(id), target);
      expect(await sent(port, head)).toMatch(/^HTTP\/1\.1 40\d /);
    }
    expect(opened).toBe(0);
  });
});

/** Sends bytes and returns all bytes received until the connection ends. */
function sent(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")));
    onTestFinished(() => void socket.destroy());
    let answer = "";
    socket.on("data", (part) => {
      answer += part.toString("latin1");
    });
    socket.on("error", () => undefined).once("close", () => resolve(answer));
  });
}
