/** Delays a client's requests until the server's tools have been checked against the policy. */

import { surveyTools } from "../mcp/filter/tool-survey.js";
import type { AgentPolicy } from "../mcp/policy/policy.js";
import {
  isObject,
  type JsonObject,
  objectAt,
  type RequestMessage,
} from "../mcp/protocol/messages.js";
import { ProbeRequests } from "../mcp/protocol/probe-requests.js";
import type { MaybePromise } from "../vault/contracts.js";
import { type CommandError, policyError } from "./command-error.js";
import type { Endpoint } from "./endpoint.js";

/** The server whose tools are checked. */
export interface CheckedServer {
  readonly policy: AgentPolicy;
  readonly server: string;
  /** Called with a warning about names in the policy that the server does not have. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Time limit for the server, in milliseconds. Default 5 s. */
  readonly patienceMs?: number | undefined;
}

/**
 * The decision on a message: forward it; drop it, because the client has cancelled it; or refuse it, because
 * a tool does not fit the policy, too many others wait, or the connection has ended.
 */
export type Admission = "pass" | "cancelled" | "unfit" | "full" | "ended";

interface Held {
  readonly received: unknown;
  readonly admit: (admission: Admission) => void;
}

/** The methods that a client may call before the server is ready for other requests. */
const OPENING: ReadonlySet<unknown> = new Set(["initialize", "server/discover", "ping"]);
const READY = "notifications/initialized";
/**
 * The maximum number of delayed requests. It is below a side's limit on pending messages, so that the
 * messages that open the connection are still read.
 */
const MAX_HELD = 16;

/** Lists the server's tools as soon as the client has opened the connection or sends a request. */
export class StartCheck {
  readonly #checked: CheckedServer;
  readonly #side: Endpoint;
  readonly #probes = new ProbeRequests();
  #outcome: Admission | undefined;
  /** Whether all tools are known. If not, the tools are listed again when the server is ready. */
  #isKnown: boolean;
  #held: Held[] = [];
  #looks = 0;
  readonly #reported = new Set<string>();
  #refuse: (error: CommandError) => void = () => undefined;
  /** Resolves with the error if a tool does not fit the policy. */
  readonly refused: Promise<CommandError>;

  constructor(checked: CheckedServer, endpoint: Endpoint) {
    this.#checked = checked;
    this.#side = endpoint;
    this.#isKnown = !checked.policy.needsSurvey(checked.server);
    this.#outcome = this.#isKnown ? "pass" : undefined;
    this.refused = new Promise((resolve) => {
      this.#refuse = resolve;
    });
  }

  /**
   * Returns whether a message is the response to a request of the check; such responses are not forwarded.
   */
  takes(message: unknown): boolean {
    return this.#probes.take(message);
  }

  /** Fails all pending requests of the check: an unreadable message may be the response to any of them. */
  takeUnreadable(): void {
    this.#probes.endAll();
  }

  /** Returns the decision on a client's message, or a promise if the check is still pending. */
  admits(received: unknown): MaybePromise<Admission> {
    if (this.#outcome === "pass") return "pass";
    const asking = [received].flat().find(isQuestion);
    if (asking === undefined) {
      this.#cancel(received);
      return "pass";
    }
    if (this.#outcome !== undefined) return this.#outcome;
    if (this.#held.length >= MAX_HELD) return "full";
    // The client's first request shows the form that its protocol revision gives to requests.
    if (this.#looks === 0) void this.#look(asking);
    return new Promise((admit) => this.#held.push({ received, admit }));
  }

  /** Returns whether a message means that the server now accepts requests. */
  awaits(received: unknown): boolean {
    if (this.#isKnown) return false;
    return [received].flat().some((one) => isObject(one) && one["method"] === READY);
  }

  /** Lists the tools before the client's next request: an attempt that failed before may succeed now. */
  begin(): void {
    if (this.#isKnown || this.#outcome === "unfit" || this.#outcome === "ended") return;
    this.#outcome = undefined;
    void this.#look({});
  }

  /** Refuses all delayed messages, because the connection has ended. */
  end(): void {
    if (this.#outcome === undefined) this.#settle("ended");
  }

  /**
   * Lists and checks the tools once. A tool that does not fit always counts. If a later listing has started,
   * any other result counts only if it is complete.
   */
  async #look({ params }: Pick<RequestMessage, "params">): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    const { progressToken: _, ..._meta } = objectAt(params, "_meta");
    const ask = (page: JsonObject) =>
      this.#probes.ask("tools/list", { ...page, _meta }, (message) => this.#side.send(message));
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

  /** Reports each warning only once, although every listing repeats them. */
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

  /** Drops a delayed request that the client cancels, so that it never reaches the server. */
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
 * Opens a separate connection to a server and checks its tools.
 *
 * @returns Whether all tools are known.
 * @throws CommandError A tool does not fit the policy.
 */
export async function checkServer(
  checked: CheckedServer,
  open: () => Promise<Endpoint>,
): Promise<boolean> {
  if (!checked.policy.needsSurvey(checked.server)) return true;
  const endpoint = await open().catch(() => undefined);
  if (endpoint === undefined) return false;
  const own = new ProbeRequests();
  const running = endpoint.run((read) => {
    if (read.kind === "message") own.take(read.value);
    if (read.kind === "unanswered") own.take({ id: read.id });
    if (read.kind === "unreadable") own.endAll();
  });
  void running.then(() => own.endAll());
  const opening = openSession(own, endpoint);
  const ask = async (page: JsonObject) =>
    (await opening) ? own.ask("tools/list", page, (message) => endpoint.send(message)) : undefined;
  const { isComplete, problems, warnings } = await surveyTools({ ...checked, ask });
  reportWarnings(warnings, checked);
  await endpoint.close();
  await running;
  if (problems.length > 0) throw misfitError(problems, checked);
  return isComplete;
}

const OPENING_PARAMS: JsonObject = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "handlevault", version: "1" },
};

/**
 * Opens a session and returns whether that succeeded. A server that knows only a later revision refuses it.
 */
async function openSession(own: ProbeRequests, endpoint: Endpoint): Promise<boolean> {
  const opened = await own.ask("initialize", OPENING_PARAMS, (message) => endpoint.send(message));
  if (opened === undefined) return false;
  await endpoint.send({ jsonrpc: "2.0", method: READY }).catch(() => undefined);
  return true;
}
