/**
 * Checks before a server starts whether its tools match their rules, as far as the server can list
 * them.
 */
import { settlesWithin } from "../../primitives/settles-within.js";
import type { AgentPolicy } from "../policy/policy.js";
import { unknownPlace, unknownTools } from "../policy/unknown-names.js";
import { isObject, type JsonObject } from "../protocol/messages.js";
import { rewriteTools } from "./tool-list.js";

/** Requests a page of `tools/list`. Returns `undefined` if there is no such page. */
export type AskForTools = (params: JsonObject) => Promise<JsonObject | undefined>;

/** The options of {@link surveyTools}. */
export interface ToolSurvey {
  readonly policy: AgentPolicy;
  readonly server: string;
  readonly ask: AskForTools;
  /**
   * The maximum time for the server's responses, in milliseconds. Tools that it lists later are
   * checked when a client requests the list. Default 5,000.
   */
  readonly patienceMs?: number | undefined;
}

/** The findings about a server's tools. */
export interface SurveyedTools {
  /** Whether the server has listed all of its tools. */
  readonly isComplete: boolean;
  /** A sentence for the policy's author about each tool that does not match its rules. */
  readonly problems: readonly string[];
  /**
   * A sentence about each name in the policy that the server does not have, if the policy only
   * warns of it.
   */
  readonly warnings: readonly string[];
}

const PATIENCE_MS = 5000;
const MAX_PAGES = 100;

/**
 * Requests all tools of a server and checks them. Tools that the server adds later are checked when
 * it lists them.
 */
export async function surveyTools(survey: ToolSurvey): Promise<SurveyedTools> {
  const findings = new Findings(survey);
  let isComplete = false;
  const reading = readPages(survey, findings).then((hasAll) => {
    isComplete = hasAll;
    if (hasAll) findings.end();
  });
  await settlesWithin(survey.patienceMs ?? PATIENCE_MS, reading);
  return { isComplete, problems: [...findings.problems], warnings: [...findings.warnings] };
}

/** Collects findings while pages arrive. */
class Findings {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #survey: ToolSurvey;
  readonly #listed = new Set<string>();

  constructor(survey: ToolSurvey) {
    this.#survey = survey;
  }

  read(tools: unknown): void {
    const { policy, server } = this.#survey;
    const { refused } = rewriteTools(tools, policy, server);
    for (const [tool, problem] of refused) {
      this.problems.push(`the tool ${server}/${tool} is refused: ${problem}`);
    }
    for (const tool of Array.isArray(tools) ? tools.filter(isObject) : []) {
      const name = String(tool["name"]);
      this.#listed.add(name);
      const place = unknownPlace(tool, policy.rulesOf({ server, tool: name }));
      if (place === undefined || policy.unknownNames === "refuse") continue;
      this.warnings.push(`what is at a place of ${server}/${name} is not sealed: ${place}`);
    }
  }

  /** Adds the tools that the server does not have. That is known only after the last page. */
  end(): void {
    const { policy, server } = this.#survey;
    const found = policy.unknownNames === "refuse" ? this.problems : this.warnings;
    found.push(...unknownTools(policy, server, this.#listed));
  }
}

async function readPages({ ask }: ToolSurvey, findings: Findings): Promise<boolean> {
  let params: JsonObject = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await ask(params);
    if (!isObject(result)) return false;
    findings.read(result["tools"]);
    const { nextCursor } = result;
    if (typeof nextCursor !== "string") return true;
    params = { cursor: nextCursor };
  }
  return false;
}

const PREFIX = "io.modelcontextprotocol/";

/**
 * Returns parameters with the members that revision 2026-07-28 adds: version, client and
 * capabilities.
 */
export function modernParams(params: JsonObject): JsonObject {
  const _meta = {
    [`${PREFIX}protocolVersion`]: "2026-07-28",
    [`${PREFIX}clientInfo`]: { name: "handlevault", version: "1" },
    [`${PREFIX}clientCapabilities`]: {},
  };
  return { ...params, _meta };
}
