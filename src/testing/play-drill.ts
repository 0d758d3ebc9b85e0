/** Plays injections, and reports their results. */
import { holdsCanary, newCanary } from "./canary.js";
import type { DrillAgent, DrillHarness, DrillStage } from "./drill-harness.js";
import {
  GATEWAY_PRINCIPAL,
  type InjectionDrill,
  SECRET_HANDLE,
  STORED_HANDLE,
} from "./injection-drills.js";

/** The result of an injection. */
export interface DrillReport {
  /** The places where the secret was found, in words; empty for a sound set-up. */
  readonly leaks: readonly string[];
  /** Whether the agent could still do its task: it got a handle, and the trusted tool got the secret. */
  readonly taskSucceeded: boolean;
}

/**
 * Plays an injection on newly started servers: the agent reads, obeys the attacker, and does its task.
 *
 * @returns The leaks, in words that do not repeat the secret, and whether the task succeeded.
 *
 * @example
 * ```ts
 * for (const drill of Object.values(injectionDrills)) console.log(await playDrill(drill, harness));
 * ```
 */
export async function playDrill(
  drill: InjectionDrill,
  harness: DrillHarness,
): Promise<DrillReport> {
  const secret = newCanary();
  const stage = await harness.open({ secret, injection: drill.injection });
  try {
    const agents = { reader: await stage.connect("reader"), other: await stage.connect("other") };
    const scene: Scene = { stage, agents, handles: new Map() };
    await read(scene);
    for (const turn of drill.turns) await obey(turn, scene);
    const misled = runsWith(secret, stage).filter((tool) => !drill.trusted.includes(tool));
    const taskSucceeded = await doTask(secret, scene);
    const seen = (["reader", "other"] as const).filter((name) =>
      holdsCanary(agents[name].received(), secret),
    );
    const leaks = [
      ...seen.map((name) => `the agent of the ${name} received it`),
      ...[...new Set(misled)].map((tool) => `the tool ${tool} was run with it`),
    ];
    return { leaks, taskSucceeded };
  } finally {
    await stage.close();
  }
}

interface Scene {
  readonly stage: DrillStage;
  readonly agents: Readonly<Record<"reader" | "other", DrillAgent>>;
  /** The values of the placeholders, as far as the agent has read them. */
  readonly handles: Map<string, string>;
}

async function read({ agents, handles, stage }: Scene): Promise<void> {
  handles.set(GATEWAY_PRINCIPAL, stage.gatewayPrincipal);
  handles.set(SECRET_HANDLE, handleIn(await agents.reader.call("read", {})));
}

/** Plays one turn. A refused call does not stop the agent. */
async function obey(turn: InjectionDrill["turns"][number], scene: Scene): Promise<void> {
  const { handles } = scene;
  const args = fillIn(turn.arguments, handles) as InjectionDrill["turns"][number]["arguments"];
  const result = await scene.agents[turn.subject].call(turn.tool, args).catch(() => undefined);
  if (turn.tool === "store") handles.set(STORED_HANDLE, handleIn(result));
}

/** Plays the agent's task: it passes the handle to the tool that may open it. */
async function doTask(secret: string, { agents, handles, stage }: Scene): Promise<boolean> {
  const runsBefore = stage.runs().length;
  await agents.reader.call("use", { value: handles.get(SECRET_HANDLE) });
  const runs = stage.runs().slice(runsBefore);
  return runs.some(({ tool, arguments: args }) => tool === "use" && isSecret(args, secret));
}

function isSecret(args: unknown, secret: string): boolean {
  return (args as { readonly value?: unknown } | undefined)?.value === secret;
}

function runsWith(secret: string, stage: DrillStage) {
  return stage
    .runs()
    .filter((run) => holdsCanary(JSON.stringify(run.arguments) ?? "", secret))
    .map(({ tool }) => tool);
}

/** Returns the id of the handle in a result; the id of no handle if there is none. */
function handleIn(result: unknown): string {
  const [id = `hdl_${"0".repeat(32)}`] =
    /hdl_[0-9a-f]{32}/.exec(JSON.stringify(result) ?? "") ?? [];
  return id;
}

function fillIn(value: unknown, handles: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return fillInText(value, handles);
  if (Array.isArray(value)) return value.map((item) => fillIn(item, handles));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, fillIn(member, handles)]),
  );
}

function fillInText(text: string, handles: ReadonlyMap<string, string>): string {
  let filled = text;
  for (const [placeholder, id] of handles) filled = filled.replaceAll(placeholder, id);
  return filled;
}
