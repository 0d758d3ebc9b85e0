import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { TOOL_NAMES } from "./leaky-server.js";
import type { AnyClient } from "./lines.js";

/**
 * Requests everything that a server offers, and returns the responses: results or error messages.
 */
export async function askForEverything(client: AnyClient): Promise<readonly unknown[]> {
  const methods = client as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const answers: unknown[] = [];
  const ask = async (method: string, ...given: unknown[]) => {
    const answer = await methods[method]?.call(client, ...given).catch(String);
    answers.push(answer);
  };
  const options = { onprogress: (told: unknown) => answers.push(told), timeout: 5000 };
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
  answers.push(client.getServerVersion(), client.getServerCapabilities(), client.getInstructions());
  return answers;
}
