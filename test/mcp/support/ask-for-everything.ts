import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { TOOL_NAMES } from "./leaky-server.js";
import type { AnyClient } from "./lines.js";

/** Asks for everything that a server has; what fails is seen in what was received. */
export async function askForEverything(client: AnyClient): Promise<void> {
  const methods = client as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const ask = async (method: string, ...given: unknown[]) => {
    await methods[method]?.call(client, ...given).catch(() => undefined);
  };
  const options = { onprogress: () => undefined, timeout: 5000 };
  const callOptions = client instanceof ClientV1 ? [undefined, options] : [options];
  await ask("listTools");
  for (const name of TOOL_NAMES) await ask("callTool", { name, arguments: {} }, ...callOptions);
  await ask("callTool", { name: "no such tool", arguments: {} });
  await ask("listResources");
  await ask("listResourceTemplates");
  await ask("readResource", { uri: "x://1" });
  await ask("listPrompts");
  await ask("getPrompt", { name: "p" });
  const ref = { type: "ref/prompt", name: "p" };
  await ask("complete", { ref, argument: { name: "a", value: "" } });
}
