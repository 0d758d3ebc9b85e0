/** Responses of an intermediary, after the service has done the work. */
import { Buffer } from "node:buffer";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import type { VaultClient } from "../../../src/client.js";
import { HandleVault, type VaultError } from "../../../src/index.js";
import { writeFault } from "../../../src/transport/xml-rpc/call.js";
import { gatewayTo, httpAnswer } from "../../support/servers/gateway.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, serverOf } from "./wires.js";

const WIRES = ["http", "xml-rpc"] as const;
const HTML = "<html>gateway</html>";
const ID = "0123456789abcdef";
const HANDLE = `hdl_${"1".repeat(32)}`;
const json = (value: unknown): string => JSON.stringify(value);

const STATUSES = [
  ...[
    204, 206, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409, 410, 413, 421, 422,
  ],
  ...[429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 520, 521, 530, 599],
];

/** Error bodies that resemble ours, and those of the original when no compatibility is set. */
const ALMOST_OURS: Readonly<Record<string, string>> = {
  "the original's form": json({ error: "text" }),
  "a code without a request id": json({ error: "text", code: "ERR_VAULT_HANDLE_NOT_FOUND" }),
  "a request id without a code": json({ error: "text", request_id: ID }),
  "a code of its own": json({ error: "text", code: "ERR_GATEWAY", request_id: ID }),
  "a request id of another form": json({
    ...{ error: "text", code: "ERR_VAULT_CONFLICT", request_id: "req-1" },
  }),
  "a name of the prototype for a code": json({ code: "constructor", request_id: ID }),
  "a failure that says nothing of what was done": json({
    ...{ error: "text", code: "ERR_VAULT_INTERNAL", request_id: ID },
  }),
  "an array": json([{ code: "ERR_VAULT_CONFLICT", request_id: ID }]),
  null: "null",
};

const SUCCESSES: Readonly<Record<string, string>> = {
  "HTML under 200": httpAnswer(200, HTML),
  "HTML under 201": httpAnswer(201, HTML),
  "JSON of another shape under 200": httpAnswer(200, json({ up: true })),
  "JSON of another shape under 201": httpAnswer(201, json({ up: true })),
  "an error of ours under 200": httpAnswer(200, ALMOST_OURS["the original's form"] ?? ""),
  "nothing under 200": httpAnswer(200, ""),
  "a switch of protocols": httpAnswer(101, "", ["Upgrade: websocket", "Connection: Upgrade"]),
  "early hints, then 502": `HTTP/1.1 103 X\r\nLink: </x>\r\n\r\n${httpAnswer(502, HTML)}`,
  "a body that is cut off": 'HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n{"data":',
  "chunks that are cut off":
    'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"data":\r\n',
  "a body that ends with the connection": 'HTTP/1.0 200 X\r\n\r\n{"data":',
  "a compressed body": httpAnswer(200, "\x1f\x8b\x08\x00", ["Content-Encoding: gzip"]),
  "no HTTP at all": "SSH-2.0-OpenSSH_9.2\r\n",
  "a fault that no vault has": httpAnswer(200, writeFault({ faultCode: 1, faultString: "x" })),
  "a fault of ours without a request id": httpAnswer(
    200,
    writeFault({ faultCode: 503, faultString: "x" }),
  ),
  "a fault that says nothing of what was done": httpAnswer(
    200,
    writeFault({ faultCode: 500, faultString: "x" }),
    [`handlevault-request-id: ${ID}`],
  ),
};

const ANSWERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    STATUSES.map((status) => [`HTML under ${status}`, httpAnswer(status, HTML)]),
  ),
  ...Object.fromEntries(
    Object.entries(ALMOST_OURS).flatMap(([name, body]) =>
      [400, 403, 404, 410, 500, 503].map((status) => [
        `${name} under ${status}`,
        httpAnswer(status, body),
      ]),
    ),
  ),
  ...SUCCESSES,
};

const WRITES: Readonly<Record<string, (vault: VaultClient, id: string) => Promise<unknown>>> = {
  seal: (vault) => vault.seal("secret", sealOptions()),
  unseal: (vault, id) => vault.unseal(id, OWNER),
  invalidate: (vault, id) => vault.invalidate(id, OWNER),
  grant: (vault, id) => vault.grant(id, "another", { by: OWNER }),
};
const READS: typeof WRITES = {
  "get a safe view": (vault, id) => vault.getSafeView(id),
  describe: (vault, id) => vault.describe(id, OWNER),
  "ask for health": (vault) => vault.health(),
};

/** A vault that records its calls, behind a gateway. */
async function behind(wire: (typeof WIRES)[number], answer: string) {
  const inner = new HandleVault();
  const { id } = await inner.seal("secret", sealOptions());
  const { port } = await serverOf(wire, inner, { auth: trustLocalCallers() });
  return { id, client: () => gatewayTo(port, answer).then((gate) => clientOf(wire, gate)) };
}

describe.each(WIRES)("over %s, an answer that is not the service's", (wire) => {
  it.each(Object.entries(ANSWERS))(
    "reports an operation as unknown if it writes, and as unavailable if it reads: %s",
    async (_, answer) => {
      const { id, client } = await behind(wire, answer);
      for (const call of Object.values(WRITES)) {
        const error = await rejectionOf(call(await client(), id));
        expect(error).toMatchObject({ code: "ERR_VAULT_OUTCOME_UNKNOWN" });
      }
      for (const call of Object.values(READS)) {
        const error = await rejectionOf(call(await client(), id));
        expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
      }
    },
  );

  it.each(STATUSES)("names its status in the cause, and sends a write once: %i", async (status) => {
    let seals = 0;
    const vault = new HandleVault();
    const counted = Object.assign(Object.create(vault) as HandleVault, {
      seal: (...given: Parameters<HandleVault["seal"]>) => {
        seals++;
        return vault.seal(...given);
      },
    });
    const { port } = await serverOf(wire, counted, { auth: trustLocalCallers() });
    const body = [204, 304].includes(status) ? "" : HTML;
    const client = clientOf(wire, await gatewayTo(port, httpAnswer(status, body)));
    const error = (await rejectionOf(client.seal("secret", sealOptions()))) as VaultError;
    expect(error).toMatchObject({ status, cause: { status } });
    expect(seals).toBe(1);
  });
});

describe.each(WIRES)("over %s, an answer that is not the service's", (wire) => {
  it("is in no part of the error, however it is broken", async () => {
    const secret = "canary-of-a-payload";
    const answers = [
      `HTTP/1.1 200 X\r\n${secret}\r\n\r\n`,
      `HTTP/1.1 204 X\r\nContent-Length: 19\r\n\r\n${secret}`,
      `HTTP/1.1 200 X\r\nContent-Length: 19\r\nContent-Length: 20\r\n\r\n${secret}`,
      httpAnswer(200, `{"data":"${secret}"`),
      httpAnswer(500, json({ error: secret, code: secret, request_id: secret })),
      httpAnswer(200, writeFault({ faultCode: 1, faultString: secret })),
    ];
    for (const answer of answers) {
      const { id, client } = await behind(wire, answer);
      for (const call of [...Object.values(WRITES), ...Object.values(READS)]) {
        const error = await rejectionOf(call(await client(), id));
        const shown = inspect(error, { depth: 10, showHidden: true });
        expect(shown).not.toContain(secret);
        // A buffer is shown as numbers.
        expect(shown).not.toContain([...Buffer.from(secret)].slice(0, 6).join(", "));
        expect(shown).not.toContain(
          Buffer.from(secret).toString("hex", 0, 6).match(/../g)?.join(" "),
        );
      }
    }
  });
});

describe("over xml-rpc, a fault that the original has", () => {
  it.each([
    [404, "ERR_VAULT_HANDLE_NOT_FOUND"],
    [410, "ERR_VAULT_HANDLE_EXPIRED"],
    [403, "ERR_VAULT_HANDLE_ACCESS_DENIED"],
  ])(
    "is understood without a request id, its text is not repeated: %i",
    async (faultCode, code) => {
      const document = writeFault({ faultCode, faultString: `'${HANDLE}' of ${OWNER}` });
      const { client } = await behind("xml-rpc", httpAnswer(200, document));
      const error = await rejectionOf((await client()).unseal(HANDLE, OWNER));
      expect(error).toMatchObject({ code });
      expect(String(error)).not.toContain(HANDLE);
    },
  );
});
