/** The command `handlevault mcp-proxy`: reads the policy, opens the vault and runs the proxy. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { MessageFilter } from "../mcp/filter/message-filter.js";
import type { Vault } from "../vault/vault.js";
import type { CommandContext } from "./command-context.js";
import {
  CommandError,
  type ExitCode,
  FAILED,
  OK,
  PolicyError,
  policyError,
  usageError,
} from "./command-error.js";
import { type Endpoint, StdioClient } from "./endpoint.js";
import { explain, parseRecordedResult } from "./explain.js";
import { serveClients } from "./http-clients.js";
import { connectServer } from "./http-server-endpoint.js";
import type { ListenAddress, McpProxyOptions, ServerAddress } from "./mcp-proxy-options.js";
import { openVault } from "./open-vault.js";
import { openAuth } from "./policy-auth.js";
import { type PolicyFile, readPolicyFile } from "./policy-file.js";
import { runProxy } from "./proxy.js";
import { startServer } from "./server-process.js";
import { type CheckedServer, checkServer, StartCheck } from "./start-check.js";
import { subjectOf } from "./subject.js";

/** Runs until the client disconnects, the server ends, or the signal aborts. */
export async function mcpProxy(
  options: McpProxyOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const name = basename(options.policy);
  const file = await naming(name, () => readPolicyFile(options.policy));
  return naming(name, () => run(file, options, context), file.positionOf);
}

/** Adds the file name and the line number to policy errors. */
async function naming<T>(
  name: string,
  work: () => Promise<T>,
  positionOf?: PolicyFile["positionOf"],
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PolicyError ? error.within(name, positionOf) : error;
  }
}

async function run(
  file: PolicyFile,
  options: McpProxyOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { server, task, listen } = options;
  if (!Object.hasOwn(file.data.servers, server)) {
    throw policyError("the server after --server is not in servers", ["servers"]);
  }
  if ("explain" in task) return explainFile(task.explain, file, { server, context });
  const connection = { file, options, context, address: task.address };
  return listen === undefined ? proxyStdio(connection) : proxyHttp(connection, listen);
}

interface Connection {
  readonly file: PolicyFile;
  readonly options: McpProxyOptions;
  readonly context: CommandContext;
  readonly address: ServerAddress;
}

async function explainFile(
  path: string,
  { policy }: PolicyFile,
  { server, context }: { readonly server: string; readonly context: CommandContext },
): Promise<ExitCode> {
  const text = await readFile(path, "utf8").catch(() => {
    throw usageError("the recorded result cannot be read: check the path after --explain");
  });
  const lines = await explain(parseRecordedResult(text), policy, server);
  context.output.write(`${lines.join("\n")}\n`);
  return OK;
}

async function proxyStdio(connection: Connection): Promise<ExitCode> {
  const { file, context } = connection;
  const { input, output, signal, environment } = context;
  const subject = subjectOf(file.data.subject, environment);
  return withVault(connection, async (vault) => {
    const server = await openServer(connection);
    const client = new StdioClient(input, output);
    const filter = filterOf(connection, vault);
    const check = new StartCheck(checkedServer(connection), server);
    const end = await runProxy({ client, server, filter, subject: () => subject, check, signal });
    if (end === "client") return OK;
    throw new CommandError("the server ended", FAILED);
  });
}

async function proxyHttp(connection: Connection, address: ListenAddress): Promise<ExitCode> {
  const { file, options, context } = connection;
  const { auth } = file.data;
  if (auth === undefined) {
    throw policyError("--listen needs auth: it says who clients are, and so who the subject is");
  }
  const authenticator = await openAuth(auth, file.pathOf, context.environment);
  return withVault(connection, async (vault) => {
    const isKnown = await checkServer(checkedServer(connection), () => openServer(connection));
    if (!isKnown)
      warn(connection, "the tools of the server could not be looked at before it is used");
    await serveClients({
      ...address,
      auth: authenticator,
      allowedHosts: options.allowedHosts,
      limits: options.sessions,
      openServer: () => openServer(connection),
      openFilter: () => filterOf(connection, vault),
      onListening: ({ host, port }) => context.errors.write(`listening on ${host}:${port}\n`),
      signal: context.signal,
    });
    return OK;
  });
}

async function withVault(
  connection: Connection,
  use: (vault: Vault) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { file } = connection;
  const vault = await openVault(file);
  try {
    for (const warning of file.policy.warnings) warn(connection, warning);
    return await use(vault);
  } finally {
    await vault.close();
  }
}

function checkedServer(connection: Connection): CheckedServer & { onWarning(text: string): void } {
  const { file, options, context } = connection;
  const onWarning = (text: string) => warn(connection, text);
  return {
    policy: file.policy,
    server: options.server,
    patienceMs: context.surveyMs,
    onWarning,
  };
}

function filterOf(connection: Connection, vault: Vault): MessageFilter {
  const { policy, server, onWarning } = checkedServer(connection);
  return new MessageFilter({ vault, policy, server, onWarning });
}

function warn({ context }: Connection, text: string): void {
  context.errors.write(`warning: ${text}\n`);
}

function openServer({ address, file, options, context }: Connection): Promise<Endpoint> {
  const { environment } = context;
  if ("url" in address) return connectServer(address, environment);
  return startServer({
    command: address.command,
    environment: withoutSecrets(environment, file),
    errors: options.errors,
  });
}

/** Removes the proxy's secrets from the server's environment: the vault's keys and the clients' tokens. */
function withoutSecrets(environment: NodeJS.ProcessEnv, { data }: PolicyFile): NodeJS.ProcessEnv {
  const { vault, auth } = data;
  const names = new Set([vault.keys?.env, ...(auth?.tokens ?? []).map(({ env }) => env)]);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.has(name)));
}
