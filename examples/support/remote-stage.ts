/** A stage with the vault in another process: each principal has a connection and a token. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Vault } from "handlevault";
import { generateToken } from "handlevault/auth";
import { VaultClient } from "handlevault/client";
import type { Principals, Stage } from "./stage.js";
import type { Command, Response, Setting } from "./vault-process.js";

/** Creates a client with a token for a port of this machine. */
type Connect = (port: number, token: string) => Vault;

/** The transports, by name. */
export const WIRES: Record<string, Connect> = {
  http: (port, token) => VaultClient.http(`http://127.0.0.1:${port}`, { token }),
  "json-rpc": (port, token) => VaultClient.jsonRpc({ host: "127.0.0.1", port }, { token }),
  "xml-rpc": (port, token) => VaultClient.xmlRpc(`http://127.0.0.1:${port}`, { token }),
};

/** Starts the process and connects every principal. */
export async function openRemoteStage(
  principals: Principals,
  setting: Omit<Setting, "callers">,
): Promise<Stage> {
  const connect = WIRES[setting.wire];
  if (connect === undefined) throw new RangeError("no such wire");
  const tokens = {
    records: generateToken(),
    gateway: generateToken(),
    attacker: generateToken(),
  };
  const names = ["records", "gateway", "attacker"] as const;
  const callers = names.map((name) => ({ token: tokens[name], principal: principals[name] }));
  const child = fork(join(import.meta.dirname, "vault-process.ts"));
  const { port } = await ask(child, { type: "open", setting: { ...setting, callers } });
  console.log(`The vault is in another process, behind ${setting.wire}.`);
  const [records, gateway, attacker] = [
    connect(port, tokens.records),
    connect(port, tokens.gateway),
    connect(port, tokens.attacker),
  ];
  return {
    records,
    gateway,
    attacker,
    advance: async (milliseconds) => {
      await ask(child, { type: "advance", milliseconds });
    },
    close: async () => {
      await Promise.all([records, gateway, attacker].map((vault) => vault.close()));
      const ended = once(child, "exit");
      await ask(child, { type: "stop" });
      await ended;
    },
  };
}

/** Sends a command and waits until it has completed, or the process has exited. */
async function ask(child: ChildProcess, command: Command): Promise<Response> {
  const ended = new AbortController();
  const onExit = () => ended.abort(new Error("the vault's process has ended"));
  child.once("exit", onExit);
  try {
    const answered = once(child, "message", { signal: ended.signal });
    child.send(command);
    const [response] = await answered;
    return response;
  } finally {
    child.off("exit", onExit);
  }
}
