/** Alternates `VaultClient` and a bare client in one process. Arguments: `CLIENT PAYLOAD ROUNDS`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VaultClient } from "handlevault/client";
import { writeMethodCall } from "../../src/transport/xml-rpc/call.js";
import { inBatches } from "../../test/support/in-batches.js";
import { record, table } from "../payloads.js";
import { type BareClient, bareFrameClient, bareHttpClient } from "./bare-clients.js";
import { alternate, measureCost, type RequestCost } from "./request-cost.js";
import { type StartedServer, startServer } from "./started-server.js";
import { GATEWAY, OWNER, SAFE_VIEW, type ServerAddress, TOKEN, type WireName } from "./subject.js";

interface ClientKind {
  readonly wire: WireName;
  readonly isUnix?: boolean;
  readonly vault: (address: ServerAddress) => VaultClient;
  readonly bare: (address: ServerAddress, payload: unknown) => BareClient | Promise<BareClient>;
}

const PAYLOADS = { record, table };
const PER_ROUND = { record: 2000, table: 200 };
const IN_FLIGHT = 64;
const OPTIONS = { ownerPrincipal: OWNER, grantedPrincipals: [GATEWAY], safeView: SAFE_VIEW };
const token = { token: TOKEN };

const socket = {
  wire: "json-rpc",
  vault: (address) =>
    VaultClient.jsonRpc(address.path === undefined ? address : { path: address.path }, token),
  bare: bareFrameClient,
} as const satisfies ClientKind;

const CLIENTS: Readonly<Record<string, ClientKind>> = {
  http: {
    wire: "http",
    vault: ({ port }) => VaultClient.http(`http://127.0.0.1:${port}`, token),
    bare: (address) => bareHttpClient(address, { connections: IN_FLIGHT }),
  },
  "xml-rpc": {
    wire: "xml-rpc",
    vault: ({ port }) => VaultClient.xmlRpc(`http://127.0.0.1:${port}`, token),
    bare: (address, payload) =>
      bareHttpClient(address, { connections: IN_FLIGHT, text: documentOf(payload) }),
  },
  "json-rpc": socket,
  "json-rpc-unix": { ...socket, isUnix: true },
};

function documentOf(payload: unknown): string {
  const params = [payload, OWNER, SAFE_VIEW, 300, [GATEWAY]];
  return writeMethodCall({ method: "seal", params });
}

/** Makes the calls of one round. */
function costOf(
  server: StartedServer,
  call: (index: number) => Promise<unknown>,
): Promise<RequestCost> {
  return measureCost(server, count, () =>
    inBatches(count, IN_FLIGHT, async (index) => {
      await call(index);
    }),
  );
}

const [name = "", kindOfPayload, rounds] = process.argv.slice(2) as [
  string,
  keyof typeof PAYLOADS,
  string,
];
const [payload, count] = [PAYLOADS[kindOfPayload], PER_ROUND[kindOfPayload]];
const kind = CLIENTS[name];
if (kind === undefined) throw new Error(`there is no client ${name}`);
const folder = mkdtempSync(join(tmpdir(), "handlevault-bench-"));
const started = (subject: "echo" | "vault") =>
  startServer({
    wire: kind.wire,
    subject,
    ...(kind.isUnix === true ? { path: join(folder, subject) } : {}),
  });
const servers = { echo: await started("echo"), vault: await started("vault") };
try {
  const vault = kind.vault(servers.vault.address);
  const bare = await kind.bare(servers.echo.address, payload);
  const message = { params: { data: payload, ...OPTIONS } };
  const turns = {
    echo: () => costOf(servers.echo, () => bare.ask(message)),
    vault: async () => {
      const ids: string[] = [];
      const seal = await costOf(servers.vault, async (index) => {
        ids[index] = (await vault.seal(payload, OPTIONS)).id;
      });
      const unseal = await costOf(servers.vault, (index) => vault.unseal(ids[index] ?? "", OWNER));
      return { seal, unseal };
    },
  };
  console.log(JSON.stringify(await alternate(turns, Number(rounds))));
  await vault.close();
  bare.close();
} finally {
  await servers.echo.stop();
  await servers.vault.stop();
  rmSync(folder, { recursive: true });
}
