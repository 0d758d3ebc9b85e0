/** Finds out at the start, as far as it can be known then, whether a server's tools fit their rules. */
import { settlesWithin } from "../primitives/settles-within.js";
import { isObject, type JsonObject } from "./messages.js";
import type { AgentPolicy } from "./policy.js";
import { rewriteTools } from "./tool-list.js";
import { unknownPlace, unknownTools } from "./unknown-names.js";

/** Asks for a page of `tools/list`; `undefined` where there is none. */
export type AskForTools = (params: JsonObject) => Promise<JsonObject | undefined>;

/** What is asked, of which server. */
export interface ToolSurvey {
  readonly policy: AgentPolicy;
  readonly server: string;
  readonly ask: AskForTools;
  /** How long the server may take; what it does not tell by then is found out later. Default 5 s. */
  readonly patienceMs?: number | undefined;
}

/** What a server says of its tools. */
export interface SurveyedTools {
  /** Whether all of them are known. */
  readonly isComplete: boolean;
  /** The tools that do not fit their rules, in sentences for the policy's author. */
  readonly problems: readonly string[];
  /** The names in the policy that the server does not have, where they are no problems. */
  readonly warnings: readonly string[];
}

const PATIENCE_MS = 5000;
const MAX_PAGES = 100;

/** Asks a server for all of its tools. Those that it adds later are looked at when it lists them. */
export async function surveyTools(survey: ToolSurvey): Promise<SurveyedTools> {
  const findings = new Findings(survey);
  const told = { isComplete: false };
  const reading = readPages(survey, findings).then((isComplete) => {
    told.isComplete = isComplete;
    if (isComplete) findings.end();
  });
  await settlesWithin(survey.patienceMs ?? PATIENCE_MS, reading);
  return { ...told, problems: [...findings.problems], warnings: [...findings.warnings] };
}

/** What is found while pages come. */
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

  /** Which tools there are not is known once all are known. */
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

/** Returns parameters as requests of revision 2026-07-28 have them: who asks, and how. */
export function modernParams(params: JsonObject): JsonObject {
  const _meta = {
    [`${PREFIX}protocolVersion`]: "2026-07-28",
    [`${PREFIX}clientInfo`]: { name: "handlevault", version: "1" },
    [`${PREFIX}clientCapabilities`]: {},
  };
  return { ...params, _meta };
}
