/** Holds a client's requests back until the server's tools are known to fit their rules. */
import { isObject, type JsonObject, objectAt, type RequestMessage } from "../mcp/messages.js";
import { OwnRequests } from "../mcp/own-requests.js";
import type { AgentPolicy } from "../mcp/policy.js";
import { type SurveyedTools, surveyTools } from "../mcp/tool-survey.js";
import type { MaybePromise } from "../vault/contracts.js";
import { type CommandError, policyError } from "./command-error.js";
import type { Side } from "./side.js";

/** Whose tools are looked at. */
export interface CheckedServer {
  readonly policy: AgentPolicy;
  readonly server: string;
  /** Hears of names in the policy that the server does not have. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** What a client may say before the server is ready for questions. */
const OPENING: ReadonlySet<unknown> = new Set(["initialize", "server/discover", "ping"]);
const READY = "notifications/initialized";

/** Asks the server of a connection once, as soon as the client has opened it. */
export class StartCheck {
  readonly #checked: CheckedServer;
  readonly #side: Side;
  readonly #own = new OwnRequests();
  #isOver: boolean;
  #survey: Promise<SurveyedTools> | undefined;
  #refuse: (error: CommandError) => void = () => undefined;
  /** Resolves once a tool is known not to fit. */
  readonly refused: Promise<CommandError>;

  constructor(checked: CheckedServer, side: Side) {
    this.#checked = checked;
    this.#side = side;
    this.#isOver = !checked.policy.needsSurvey(checked.server);
    this.refused = new Promise((resolve) => {
      this.#refuse = resolve;
    });
  }

  /** Takes the answers to the questions of the check: they are nobody else's. */
  takes(message: unknown): boolean {
    return this.#own.take(message);
  }

  /** Tells, once that is known, whether a message may go on to the server. */
  admits(received: unknown): MaybePromise<boolean> {
    if (this.#isOver) return true;
    const asking = [received].flat().find(isQuestion);
    return asking === undefined ? true : this.#passes(asking);
  }

  /** Tells whether a message says that the server may be asked. */
  awaits(received: unknown): boolean {
    if (this.#isOver) return false;
    return [received].flat().some((one) => isObject(one) && one["method"] === READY);
  }

  /** Looks at the tools before the client asks anything. */
  async begin(): Promise<void> {
    await this.#passes({});
  }

  /** The first question tells how questions are asked in the client's revision. */
  async #passes({ params }: Pick<RequestMessage, "params">): Promise<boolean> {
    const { progressToken: _, ..._meta } = objectAt(params, "_meta");
    const ask = (page: JsonObject) =>
      this.#own.ask("tools/list", { ...page, _meta }, (message) => this.#side.send(message));
    this.#survey ??= surveyTools({ ...this.#checked, ask });
    const { problems, warnings } = await this.#survey;
    if (!this.#isOver) reportWarnings(warnings, this.#checked);
    if (problems.length > 0) this.#refuse(misfitError(problems, this.#checked));
    this.#isOver = problems.length === 0;
    return this.#isOver;
  }
}

function misfitError(problems: readonly string[], { server }: CheckedServer): CommandError {
  return policyError(problems.join("; "), ["servers", server]);
}

function reportWarnings(warnings: readonly string[], { onWarning }: CheckedServer): void {
  for (const warning of warnings) onWarning?.(warning);
}

function isQuestion(message: unknown): message is RequestMessage {
  if (!isObject(message) || !Object.hasOwn(message, "id")) return false;
  const { method } = message;
  return method !== undefined && !OPENING.has(method);
}

/**
 * Opens a connection of its own to a server, and looks at its tools.
 *
 * @returns Whether all of them are known.
 * @throws CommandError A tool does not fit.
 */
export async function checkServer(
  checked: CheckedServer,
  open: () => Promise<Side>,
): Promise<boolean> {
  if (!checked.policy.needsSurvey(checked.server)) return true;
  const side = await open().catch(() => undefined);
  if (side === undefined) return false;
  const own = new OwnRequests();
  const running = side.run((read) => {
    if (read.kind === "message") own.take(read.value);
  });
  const opening = openSession(own, side);
  const ask = async (page: JsonObject) =>
    (await opening) ? own.ask("tools/list", page, (message) => side.send(message)) : undefined;
  const { isComplete, problems, warnings } = await surveyTools({ ...checked, ask });
  reportWarnings(warnings, checked);
  await side.close();
  await running;
  if (problems.length > 0) throw misfitError(problems, checked);
  return isComplete;
}

const OPENING_PARAMS: JsonObject = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "handlevault", version: "1" },
};

/** Tells whether the server takes part: one of a later revision alone does not. */
async function openSession(own: OwnRequests, side: Side): Promise<boolean> {
  const opened = await own.ask("initialize", OPENING_PARAMS, (message) => side.send(message));
  if (opened === undefined) return false;
  await side.send({ jsonrpc: "2.0", method: READY }).catch(() => undefined);
  return true;
}
