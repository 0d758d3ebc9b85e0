import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { respondToMessage } from "../../../src/transport/json-rpc/messages.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { OWNER, sealOptions } from "../../support/vault.js";

const MEBIBYTE = 1024 * 1024;
const ITEMS = 600;

interface Answer {
  readonly id: number;
  readonly error?: { readonly data: { readonly code: string } };
}

describe("a batch", () => {
  it("holds no more answers than its budget, and refuses the items past it unperformed", async () => {
    let performed = 0;
    const batch = Array.from({ length: 40 }, (_, id) => ({ jsonrpc: "2.0", id, method: "unseal" }));
    const text = await respondToMessage(batch, async () => {
      performed += 1;
      return "s".repeat(MEBIBYTE);
    });
    expect(performed).toBeLessThanOrEqual(16 + 3);
    const answers = JSON.parse(text ?? "[]") as Answer[];
    expect(answers).toHaveLength(40);
    expect(answers.at(-1)?.error?.data.code).toBe("ERR_VAULT_REQUEST_TOO_LARGE");
  });

  it("performs notifications, however large the responses to the other requests are", async () => {
    const performed: string[] = [];
    const opening = Array.from({ length: 20 }, (_, id) => ({
      jsonrpc: "2.0",
      id,
      method: "unseal",
    }));
    await respondToMessage([...opening, { method: "invalidate" }], async ({ method }) => {
      performed.push(method);
      return "s".repeat(MEBIBYTE);
    });
    expect(performed).toContain("invalidate");
  });

  it("of calls for one large payload is answered within its budget by a server that lives on", async () => {
    const vault = new HandleVault();
    const { id: handle } = await vault.seal("s".repeat(MEBIBYTE), sealOptions());
    const auth = { authenticate: () => ({ principal: OWNER }) };
    const server = await serveJsonRpc(vault, { auth, port: 0 });
    onTestFinished(() => server.stop());
    const { port } = server.address as { readonly port: number };
    const batch = Array.from({ length: ITEMS }, (_, id) => ({
      id,
      jsonrpc: "2.0",
      method: "unseal",
      params: [handle],
    }));
    for (let time = 0; time < 2; time++) {
      const answers = JSON.parse((await askedOnce(port, JSON.stringify(batch))) ?? "") as Answer[];
      expect(answers).toHaveLength(ITEMS);
      const refused = answers.filter(({ error }) => error !== undefined);
      expect(refused.length).toBeGreaterThanOrEqual(ITEMS - (16 + 4));
      expect(refused.length).toBeLessThan(ITEMS);
    }
  });
});

/** Sends one frame on a new connection and returns the text of the response. */
function askedOnce(port: number, text: string): Promise<string> {
  const frame = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(frame.length);
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write(Buffer.concat([header, frame]));
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      length += part.length;
      const first = parts[0] as Buffer;
      if (length >= 4 && first.length >= 4 && length >= 4 + first.readUInt32BE(0)) {
        resolve(Buffer.concat(parts).toString("utf8", 4));
      }
    });
    socket.on("error", reject).on("close", () => reject(new Error("the connection was closed")));
  });
}
