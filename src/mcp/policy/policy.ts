/** A checked policy. */
import { checkTtlSeconds } from "../../vault/checks.js";
import { type OptionsTable, optional, required, type WithDefaults } from "../../vault/options.js";
import type {
  PolicyDefaults,
  PolicyOptions,
  ServerPolicy,
  TextHandling,
  ToolPolicy,
  UnknownNamesHandling,
  UnlistedHandling,
} from "./policy-options.js";
import { PolicyPlace } from "./policy-place.js";
import {
  isSealing,
  readDefaults,
  readTool,
  type SealingTerms,
  type ToolRules,
  termsOf,
} from "./policy-rules.js";
import { checkServerName, checkToolName, type ToolName } from "./principals.js";

/**
 * Identifies policies across copies of the library and across realms. The number changes when the
 * members that this library calls change.
 */
const BRAND: unique symbol = Symbol.for("handlevault.agent-policy.2");

const POLICY: OptionsTable<WithDefaults<PolicyOptions, "ttlSeconds" | "defaults">> = {
  ttlSeconds: optional(checkTtlSeconds, 900),
  defaults: (value) => (value ?? {}) as PolicyDefaults,
  servers: required(checkRecord<ServerPolicy>),
};
const SERVER: OptionsTable<ServerPolicy> = { tools: required(checkRecord<ToolPolicy>) };

/**
 * A checked policy: the visible and sealed parts of each tool's results, and the arguments in which
 * handles are opened.
 *
 * Without rules everything is sealed, and only the owner may open it.
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

  /** Whether results contain links to their handles, for clients whose revision has links. */
  readonly resourceLinks: boolean;
  /** Warnings for the policy's author: tools whose results only the owner can open. */
  readonly warnings: readonly string[];
  /** The handling of rules for tools and places that a server does not have. */
  readonly unknownNames: UnknownNamesHandling;
  readonly #tools = new Map<string, ToolRules>();
  readonly #unlisted: ToolRules;
  readonly #texts: TextHandling;

  /**
   * @throws TypeError A member is unknown or of the wrong type.
   * @throws RangeError A name, a pointer or a number is out of its bounds, or rules contradict each
   *   other.
   */
  constructor(options: PolicyOptions) {
    const place = new PolicyPlace();
    const { ttlSeconds, defaults, servers } = place.read(options, POLICY);
    const { rules, resourceLinks, unknownNames } = readDefaults(defaults, ttlSeconds);
    this.resourceLinks = resourceLinks;
    this.unknownNames = unknownNames;
    this.#unlisted = rules;
    this.#texts = rules.texts;
    for (const [server, given] of Object.entries(servers)) {
      this.#addServer(server, given, place.at("servers"));
    }
    this.warnings = [...this.#tools].flatMap((named) => warningsOf(...named));
  }

  /** The handling of resources, prompts and tools without a rule. */
  get unlisted(): UnlistedHandling {
    return this.#unlisted.handling === "rules" ? "seal" : this.#unlisted.handling;
  }

  /** The handling of a server's texts about itself. */
  get texts(): TextHandling {
    return this.#texts;
  }

  /** The terms for data without a rule, which only the owner may open. */
  get unlistedTerms(): SealingTerms {
    return this.#unlisted.rest;
  }

  /** Returns the rules of a tool. */
  rulesOf({ server, tool }: ToolName): ToolRules {
    return this.#tools.get(`${server}/${tool}`) ?? this.#unlisted;
  }

  /** Returns whether any tool of a server seals its results or opens handles. */
  touches(server: string): boolean {
    if (this.#unlisted.handling !== "pass") return true;
    return this.opens(server) || this.#rulesOfServer(server).some(isSealing);
  }

  /** Returns whether any tool of a server opens handles. */
  opens(server: string): boolean {
    return this.#rulesOfServer(server).some(({ hydrating }) => hydrating.length > 0);
  }

  /** Returns the names of a server's tools that have rules. */
  toolsOf(server: string): readonly string[] {
    const names = [...this.#tools.keys()].filter((name) => name.startsWith(`${server}/`));
    return names.map((name) => name.slice(server.length + 1));
  }

  /** Returns whether a server must be asked for its tools before it starts. */
  needsSurvey(server: string): boolean {
    const rules = this.#rulesOfServer(server);
    const isStrict = this.unlisted === "pass" || this.unknownNames === "refuse";
    return this.opens(server) || (rules.length > 0 && (isStrict || rules.some(hasOptional)));
  }

  /**
   * Returns whether a name without a rule resembles the name of a tool with rules so closely that a
   * lenient server could run that tool.
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

  #addServer(server: string, given: ServerPolicy, servers: PolicyPlace): void {
    servers.checkName(server, (where) => checkServerName(server, where));
    const tools = servers.at(server).at("tools");
    for (const [tool, policy] of Object.entries(servers.at(server).read(given, SERVER).tools)) {
      tools.checkName(tool, (where) => checkToolName(tool, where));
      this.#tools.set(`${server}/${tool}`, readTool(policy, tools.at(tool), this.#unlisted));
    }
  }
}

/** Returns whether a value is a policy, from any copy of the library. */
function isAgentPolicy(value: unknown): value is AgentPolicy {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Throws unless `value` is a policy. */
export function checkPolicy(value: unknown, place: string): asserts value is AgentPolicy {
  if (!isAgentPolicy(value)) throw new TypeError(`${place} must be an AgentPolicy`);
}

/**
 * Returns whether a rule has an optional place. A misspelled optional place always counts as
 * absent, so only the server's schema reveals the mistake.
 */
function hasOptional({ sealing }: ToolRules): boolean {
  return sealing.some(({ isOptional }) => isOptional);
}

/** Returns a name without differences of case, width and white space. */
function fold(name: string): string {
  return name.normalize("NFKC").replaceAll(/\s/g, "").toLowerCase();
}

function warningsOf(name: string, rules: ToolRules): string[] {
  const isGranted = termsOf(rules).some(({ grants }) => grants.length > 0);
  if (!isSealing(rules) || isGranted) return [];
  return [`Nobody but the owner can open what ${name} returns: no rule of it grants a tool.`];
}

/** Throws unless `value` is an object with members. */
function checkRecord<T>(
  value: unknown,
  where: string,
): asserts value is Readonly<Record<string, T>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${where} must be an object`);
  }
}
