/** The process with the vault of a remote stage. It executes the commands of its parent. */
import { HandleVault, type Vault } from "handlevault";
import { type Authenticator, tokenAuth } from "handlevault/auth";
import { openStorage } from "./caches.js";
import { ManualClock } from "./manual-clock.js";

/** The configuration that the parent passes: the cache, the transport and the tokens. */
export interface Setting {
  readonly wire: string;
  readonly cache: string;
  readonly url: string | undefined;
  readonly callers: readonly { readonly token: string; readonly principal: string }[];
}

/** A command from the parent. */
export type Command =
  | { readonly type: "open"; readonly setting: Setting }
  | { readonly type: "advance"; readonly milliseconds: number }
  | { readonly type: "stop" };

/** The response to the parent, after a command has completed. */
export interface Response {
  /** The port of the server. */
  readonly port: number;
}

const clock = new ManualClock();
let port = 0;
let stop = async (): Promise<void> => undefined;

process.on("message", async (command: Command) => {
  if (command.type === "open") await open(command.setting);
  if (command.type === "advance") clock.advance(command.milliseconds);
  if (command.type === "stop") await stop();
  process.send?.({ port } satisfies Response, () => {
    if (command.type === "stop") process.disconnect();
  });
});
// Exit together with the parent.
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
