/** The process that has the vault of a remote stage: it does what its parent orders. */
import { HandleVault, type Vault } from "handlevault";
import { type Authenticator, tokenAuth } from "handlevault/auth";
import { openStorage } from "./caches.js";
import { ManualClock } from "./manual-clock.js";

/** What is served, and to whom. */
export interface Setting {
  readonly wire: string;
  readonly cache: string;
  readonly url: string | undefined;
  readonly callers: readonly { readonly token: string; readonly principal: string }[];
}

/** What the parent says. */
export type Order =
  | { readonly type: "open"; readonly setting: Setting }
  | { readonly type: "advance"; readonly milliseconds: number }
  | { readonly type: "stop" };

/** What it hears once that is done. */
export interface Answer {
  /** Where the server listens. */
  readonly port: number;
}

const clock = new ManualClock();
let port = 0;
let stop = async (): Promise<void> => undefined;

process.on("message", async (order: Order) => {
  if (order.type === "open") await open(order.setting);
  if (order.type === "advance") clock.advance(order.milliseconds);
  if (order.type === "stop") await stop();
  process.send?.({ port } satisfies Answer, () => {
    if (order.type === "stop") process.disconnect();
  });
});
// Without a parent there is nobody to serve.
process.on("disconnect", () => process.exit());

async function open({ wire, cache: name, url, callers }: Setting): Promise<void> {
  const storage = await openStorage(name, url);
  if (storage === undefined) throw new RangeError("no such cache");
  const { cache, keys } = storage;
  const vault = new HandleVault({ clock, cache, keys });
  const server = await serve(wire, vault, tokenAuth({ tokens: callers }));
  port = server.address.port ?? 0;
  stop = async () => {
    await server.stop();
    await vault.close();
    await storage.stop();
  };
}

async function serve(wire: string, vault: Vault, auth: Authenticator) {
  const options = { auth, port: 0 };
  if (wire === "http")
    return (await import("handlevault/transport/http")).serveHttp(vault, options);
  if (wire === "json-rpc") {
    return (await import("handlevault/transport/json-rpc")).serveJsonRpc(vault, options);
  }
  return (await import("handlevault/transport/xml-rpc")).serveXmlRpc(vault, options);
}
