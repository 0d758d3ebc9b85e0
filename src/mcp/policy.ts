/** A policy that has been checked. */
import { checkBoolean, checkOptions, checkTtlSeconds } from "../vault/checks.js";
import type {
  PolicyOptions,
  ServerPolicy,
  TextHandling,
  UnknownNamesHandling,
  UnlistedHandling,
} from "./policy-options.js";
import {
  checkDefaults,
  checkRecord,
  checkTool,
  isSealing,
  type SealingTerms,
  type ToolRules,
  termsOf,
} from "./policy-rules.js";
import { checkServerName, checkToolName, type ToolName } from "./principals.js";

/** Marks policies across copies of the library and realms; the number changes with what is called. */
const BRAND: unique symbol = Symbol.for("handlevault.agent-policy.2");
const POLICY_OPTIONS: ReadonlySet<string> = new Set(["ttlSeconds", "defaults", "servers"]);
const SERVER_OPTIONS: ReadonlySet<string> = new Set(["tools"]);
const DEFAULT_TTL_SECONDS = 900;

/**
 * A policy that has been checked: what agents may see of which tool, and where handles are opened.
 *
 * Without any rule everything is sealed, and only its owner may open it.
 *
 * @example
 * ```ts
 * const policy = new AgentPolicy({
 *   servers: {
 *     patients: {
 *       tools: {
 *         lookup: { seal: [{ at: "", safeView: { fixed: "a patient" }, grant: ["pharmacy/check"] }] },
 *       },
 *     },
 *     pharmacy: { tools: { check: { hydrate: [{ at: "/patient" }], seal: "none" } } },
 *   },
 * });
 * ```
 */
export class AgentPolicy {
  static {
    Object.defineProperty(AgentPolicy.prototype, BRAND, { value: true });
  }

  /** Whether results have links to their handles, for clients that take them. */
  readonly resourceLinks: boolean;
  /** What its author should know: rules that let nobody but the owner open what they seal. */
  readonly warnings: readonly string[];
  /** What becomes of rules for tools and places that a server does not have. */
  readonly unknownNames: UnknownNamesHandling;
  readonly #tools = new Map<string, ToolRules>();
  readonly #unlisted: ToolRules;
  readonly #texts: TextHandling;

  /**
   * @throws TypeError A member is unknown or of the wrong type.
   * @throws RangeError A name, a pointer or a number is out of its bounds, or rules contradict.
   */
  constructor(options: PolicyOptions) {
    checkOptions(options, "policy", POLICY_OPTIONS);
    const { ttlSeconds = DEFAULT_TTL_SECONDS, defaults = {}, servers } = options;
    checkTtlSeconds(ttlSeconds, "policy.ttlSeconds");
    const base = checkDefaults(defaults, ttlSeconds);
    const { resourceLinks = false, unknownNames = "warn" } = defaults;
    checkBoolean(resourceLinks, "policy.defaults.resourceLinks");
    this.resourceLinks = resourceLinks;
    this.unknownNames = unknownNames;
    this.#unlisted = base;
    this.#texts = base.texts;
    checkRecord(servers, "policy.servers");
    for (const [server, given] of Object.entries(servers)) this.#addServer(server, given);
    this.warnings = [...this.#tools].flatMap(([name, rules]) => warningsOf(name, rules));
  }

  /** What becomes of resources, prompts and tools that no rule names. */
  get unlisted(): UnlistedHandling {
    return this.#unlisted.handling === "rules" ? "seal" : this.#unlisted.handling;
  }

  /** What becomes of the texts that a server says of itself. */
  get texts(): TextHandling {
    return this.#texts;
  }

  /** Seals for the owner alone. */
  get unlistedTerms(): SealingTerms {
    return this.#unlisted.rest;
  }

  /** Returns the rules of a tool. */
  rulesOf({ server, tool }: ToolName): ToolRules {
    return this.#tools.get(`${server}/${tool}`) ?? this.#unlisted;
  }

  /** Tells whether some tool of a server seals or opens anything. */
  touches(server: string): boolean {
    if (this.#unlisted.handling !== "pass") return true;
    return this.opens(server) || this.#rulesOfServer(server).some(isSealing);
  }

  /** Tells whether some tool of a server opens handles. */
  opens(server: string): boolean {
    return this.#rulesOfServer(server).some(({ hydrating }) => hydrating.length > 0);
  }

  /** Returns the names of the tools of a server that have rules. */
  toolsOf(server: string): readonly string[] {
    const names = [...this.#tools.keys()].filter((name) => name.startsWith(`${server}/`));
    return names.map((name) => name.slice(server.length + 1));
  }

  /** Returns whether a server's tools have to be known before they are used. */
  needsSurvey(server: string): boolean {
    const rules = this.#rulesOfServer(server);
    const isStrict = this.unlisted === "pass" || this.unknownNames === "refuse";
    return this.opens(server) || (rules.length > 0 && (isStrict || rules.some(hasOptional)));
  }

  /**
   * Tells whether a server that is not strict about names could take one for that of a tool with rules,
   * although no rule names it.
   */
  isNearMiss(server: string, name: unknown): boolean {
    if (typeof name !== "string") return this.touches(server);
    const folded = fold(`${server}/${name}`);
    const isExact = this.#tools.has(`${server}/${name}`);
    return !isExact && [...this.#tools.keys()].some((listed) => fold(listed) === folded);
  }

  #rulesOfServer(server: string): readonly ToolRules[] {
    const listed = [...this.#tools].filter(([name]) => name.startsWith(`${server}/`));
    return listed.map(([, rules]) => rules);
  }

  #addServer(server: string, given: ServerPolicy): void {
    checkServerName(server, "a name in policy.servers");
    const where = `policy.servers.${server}`;
    checkOptions(given, where, SERVER_OPTIONS);
    checkRecord(given.tools, `${where}.tools`);
    for (const [tool, policy] of Object.entries(given.tools)) {
      checkToolName(tool, `a name in ${where}.tools`);
      this.#tools.set(
        `${server}/${tool}`,
        checkTool(policy, `${where}.tools.${tool}`, this.#unlisted),
      );
    }
  }
}

/** Tells whether a value is a policy, of whichever copy of the library. */
export function isAgentPolicy(value: unknown): value is AgentPolicy {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** A place that may be absent is absent under another name, too. */
function hasOptional({ sealing }: ToolRules): boolean {
  return sealing.some(({ isOptional }) => isOptional);
}

/** Returns what is left of a name once case, width and space around it no longer count. */
function fold(name: string): string {
  return name.normalize("NFKC").replaceAll(/\s/g, "").toLowerCase();
}

function warningsOf(name: string, rules: ToolRules): string[] {
  const isGranted = termsOf(rules).some(({ grants }) => grants.length > 0);
  if (!isSealing(rules) || isGranted) return [];
  return [`Nobody but the owner can open what ${name} returns: no rule of it grants a tool.`];
}
