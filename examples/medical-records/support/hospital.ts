/** All servers of the example, and the connections of its principals. */
import { join } from "node:path";
import { routerListener } from "handlevault/transport/http/router";
import { AUDIENCE as API, gatewayApi } from "../gateway/api.js";
import { RecordsSession } from "../gateway/session.js";
import { AUDIENCE as RECORDS, serveRecords } from "../records/serve.js";
import { ApiClient } from "./api-client.js";
import { DemoIssuer } from "./demo-issuer.js";
import { listenLocally, type RunningServer } from "./listen.js";
import { McpClient } from "./mcp-client.js";
import { AGENT, ATTACKER, GATEWAY } from "./people.js";

const PHARMACY = join(import.meta.dirname, "../pharmacy/server.ts");
const TSX = import.meta.resolve("tsx");

export interface Hospital {
  readonly issuer: DemoIssuer;
  readonly recordsUrl: string;
  /** Connections to patient records, each with its own token. */
  readonly agent: McpClient;
  readonly gateway: McpClient;
  readonly attacker: McpClient;
  readonly pharmacy: McpClient;
  /** Connects to patient records with any token. */
  connectWith(token: string): Promise<McpClient>;
  /** The HTTP gateway, and the same one in production mode. */
  readonly api: ApiClient;
  readonly production: ApiClient;
  /** Tokens for the HTTP gateway. */
  readonly tokens: Tokens;
  stopRecords(): Promise<void>;
  close(): Promise<void>;
}

/** The tokens of the principals for one service. */
interface Tokens {
  readonly agent: string;
  readonly gateway: string;
  readonly attacker: string;
}

export async function openHospital(): Promise<Hospital> {
  const issuer = new DemoIssuer();
  const records = await serveRecords(await issuer.authenticatorOf(RECORDS));
  const connectAs = (principal: string) =>
    McpClient.overHttp(records.url, () => issuer.tokenFor(principal, RECORDS));
  const agent = await connectAs(AGENT);
  const gateway = await connectAs(GATEWAY);
  const attacker = await connectAs(ATTACKER);
  const pharmacy = await McpClient.overStdio(["--import", TSX, PHARMACY]);
  const session = new RecordsSession(records.url, () => issuer.tokenFor(GATEWAY, RECORDS));
  const [demo, production] = await serveGateways(issuer, session);

  return {
    issuer,
    recordsUrl: records.url,
    agent,
    gateway,
    attacker,
    pharmacy,
    connectWith: (token) => McpClient.overHttp(records.url, async () => token),
    api: new ApiClient(demo.url),
    production: new ApiClient(production.url),
    tokens: await demoTokens(issuer),
    stopRecords: () => records.stop(),
    async close() {
      const clients = [agent, gateway, attacker, pharmacy, session];
      await Promise.allSettled(clients.map((client) => client.close()));
      await Promise.allSettled([demo, production, records].map((server) => server.stop()));
    },
  };
}

async function demoTokens(issuer: DemoIssuer): Promise<Tokens> {
  return {
    agent: await issuer.tokenFor(AGENT, API),
    gateway: await issuer.tokenFor(GATEWAY, API),
    attacker: await issuer.tokenFor(ATTACKER, API),
  };
}

/** Starts the gateway with demonstration tokens, if `NODE_ENV` allows that, and in production mode. */
async function serveGateways(
  issuer: DemoIssuer,
  session: RecordsSession,
): Promise<readonly [RunningServer, RunningServer]> {
  const auth = await issuer.authenticatorOf(API);
  const serve = (NODE_ENV: string | undefined) => {
    const tokens =
      NODE_ENV === "production" ? undefined : async () => ({ ...(await demoTokens(issuer)) });
    const api = gatewayApi({ session, auth, demoTokens: tokens });
    return listenLocally(routerListener(api));
  };
  return [await serve(process.env["NODE_ENV"]), await serve("production")];
}
