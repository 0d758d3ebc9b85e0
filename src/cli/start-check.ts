/** Holds a client's requests back until the server's tools are known to fit their rules. */
import { isObject, type JsonObject, objectAt, type RequestMessage } from "../mcp/messages.js";
import { OwnRequests } from "../mcp/own-requests.js";
import type { AgentPolicy } from "../mcp/policy.js";
import { surveyTools } from "../mcp/tool-survey.js";
import type { MaybePromise } from "../vault/contracts.js";
import { type CommandError, policyError } from "./command-error.js";
import type { Side } from "./side.js";

/** Whose tools are looked at. */
export interface CheckedServer {
  readonly policy: AgentPolicy;
  readonly server: string;
  /** Hears of names in the policy that the server does not have. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** How long the server may take, in milliseconds. Default 5 s. */
  readonly patienceMs?: number | undefined;
}

/**
 * What becomes of a message: it may go on; it is dropped, since the client has cancelled it; or it is
 * refused because a tool does not fit, too many others wait, or the connection has ended.
 */
export type Admission = "pass" | "cancelled" | "unfit" | "full" | "ended";

interface Held {
  readonly received: unknown;
  readonly admit: (admission: Admission) => void;
}

/** What a client may say before the server is ready for questions. */
const OPENING: ReadonlySet<unknown> = new Set(["initialize", "server/discover", "ping"]);
const READY = "notifications/initialized";
/** So many requests wait: fewer than a side hands over, so that what opens the connection is read. */
const MAX_HELD = 16;

/** Asks the server of a connection as soon as the client has opened it, or asks something. */
export class StartCheck {
  readonly #checked: CheckedServer;
  readonly #side: Side;
  readonly #own = new OwnRequests();
  #outcome: Admission | undefined;
  /** Whether all tools are known: until then a server is asked again once it is ready. */
  #isKnown: boolean;
  #held: Held[] = [];
  #looks = 0;
  readonly #reported = new Set<string>();
  #refuse: (error: CommandError) => void = () => undefined;
  /** Resolves once a tool is known not to fit. */
  readonly refused: Promise<CommandError>;

  constructor(checked: CheckedServer, side: Side) {
    this.#checked = checked;
    this.#side = side;
    this.#isKnown = !checked.policy.needsSurvey(checked.server);
    this.#outcome = this.#isKnown ? "pass" : undefined;
    this.refused = new Promise((resolve) => {
      this.#refuse = resolve;
    });
  }

  /** Takes the answers to the questions of the check: no client gets them. */
  takes(message: unknown): boolean {
    return this.#own.take(message);
  }

  /** Takes what cannot be read for the answers to all questions of the check. */
  takeUnreadable(): void {
    this.#own.endAll();
  }

  /** Tells, once that is known, what becomes of a client's message. */
  admits(received: unknown): MaybePromise<Admission> {
    if (this.#outcome === "pass") return "pass";
    const asking = [received].flat().find(isQuestion);
    if (asking === undefined) {
      this.#cancel(received);
      return "pass";
    }
    if (this.#outcome !== undefined) return this.#outcome;
    if (this.#held.length >= MAX_HELD) return "full";
    // The first question tells how questions are asked in the client's revision.
    if (this.#looks === 0) void this.#look(asking);
    return new Promise((admit) => this.#held.push({ received, admit }));
  }

  /** Tells whether a message says that the server may be asked. */
  awaits(received: unknown): boolean {
    if (this.#isKnown) return false;
    return [received].flat().some((one) => isObject(one) && one["method"] === READY);
  }

  /** Looks at the tools before the client asks anything more: what failed before may succeed now. */
  begin(): void {
    if (this.#isKnown || this.#outcome === "unfit" || this.#outcome === "ended") return;
    this.#outcome = undefined;
    void this.#look({});
  }

  /** Refuses what waits: there will be no answer. */
  end(): void {
    if (this.#outcome === undefined) this.#settle("ended");
  }

  /** A look that a later one has replaced counts only if it has seen all. */
  async #look({ params }: Pick<RequestMessage, "params">): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    const { progressToken: _, ..._meta } = objectAt(params, "_meta");
    const ask = (page: JsonObject) =>
      this.#own.ask("tools/list", { ...page, _meta }, (message) => this.#side.send(message));
    const { isComplete, problems, warnings } = await surveyTools({ ...this.#checked, ask });
    this.#report(warnings);
    if (problems.length > 0) {
      this.#refuse(misfitError(problems, this.#checked));
      this.#settle("unfit");
    } else if (isComplete || look === this.#looks) {
      this.#isKnown = isComplete;
      this.#settle("pass");
    }
  }

  /** A server that is asked again gives rise to the same warnings. */
  #report(warnings: readonly string[]): void {
    reportWarnings(
      warnings.filter((warning) => !this.#reported.has(warning)),
      this.#checked,
    );
    for (const warning of warnings) this.#reported.add(warning);
  }

  #settle(outcome: Admission): void {
    if (this.#outcome === "unfit" || this.#outcome === "ended") return;
    this.#outcome = outcome;
    const held = this.#held;
    this.#held = [];
    for (const { admit } of held) admit(outcome);
  }

  /** What a client cancels while it waits never reaches the server. */
  #cancel(received: unknown): void {
    if (!isObject(received) || received["method"] !== "notifications/cancelled") return;
    const { requestId } = objectAt(received, "params");
    const at = this.#held.findLastIndex(
      (one) => isObject(one.received) && one.received["id"] === requestId,
    );
    if (at >= 0) this.#held.splice(at, 1)[0]?.admit("cancelled");
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
    if (read.kind === "unanswered") own.take({ id: read.id });
    if (read.kind === "unreadable") own.endAll();
  });
  void running.then(() => own.endAll());
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
