import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPolicyFile } from "../../src/cli/policy-file.js";
import { subjectOf } from "../../src/cli/subject.js";
import { messageThrownBy } from "../support/refusals.js";
import { fileOf, newPath, sharedPolicy } from "./support/policies.js";

const HEAD = `version: 1
vault: { cache: memory }
`;
const SERVERS = "servers: { records: { tools: {} } }\n";

function read(text: string) {
  return readPolicyFile(fileOf(text));
}

function problemOf(text: string): Promise<string> {
  return messageThrownBy(() => read(text));
}

describe("a policy file", () => {
  it("becomes the policy that it describes", async () => {
    const { policy, data } = await read(`${HEAD}ttlSeconds: 60
defaults: { unlisted: refuse, errors: fixed }
servers:
  records:
    tools:
      lookup: { show: [/count], seal: [{ at: "/items/*", grant: [records/use], maxUses: 3 }] }
      use: { hydrate: [{ at: "/items/*" }, { at: /note, inside: true }], seal: none }
`);
    expect(data.vault.cache).toBe("memory");
    expect(policy.unlisted).toBe("refuse");
    const lookup = policy.rulesOf({ server: "records", tool: "lookup" });
    expect(lookup.show).toEqual([["count"]]);
    expect(lookup.sealing).toMatchObject([
      {
        at: ["items", "*"],
        grants: [{ server: "records", tool: "use" }],
        ttlSeconds: 60,
        maxUses: 3,
      },
    ]);
    const use = policy.rulesOf({ server: "records", tool: "use" });
    expect(use.hydrating).toEqual([
      { at: ["items", "*"], isInside: false, format: undefined, leftover: "refuse" },
      { at: ["note"], isInside: true, format: undefined, leftover: "refuse" },
    ]);
  });

  it.each(["aggregate", "schema"])("may name a summarizer: %s", async (name) => {
    const rule = `{ at: "", safeView: { summarizer: ${name} } }`;
    const { policy } = await read(`${HEAD}servers: { a: { tools: { t: { seal: [${rule}] } } } }\n`);
    const [rules] = policy.rulesOf({ server: "a", tool: "t" }).sealing;
    expect(await rules?.safeView({})).toHaveProperty("summarizer");
  });

  it("may be JSON, also indented with tabs", async () => {
    const policy = {
      version: 1,
      vault: { cache: "memory" },
      servers: { records: { tools: { use: { seal: "none" } } } },
    };
    for (const indent of [0, 2, "\t"]) {
      const { policy: read } = await readPolicyFile(fileOf(JSON.stringify(policy, null, indent)));
      expect(read.rulesOf({ server: "records", tool: "use" }).sealing).toEqual([]);
    }
  });

  it("may be the one in the guide", async () => {
    const guide = readFileSync(join(import.meta.dirname, "../../docs/agents.md"), "utf8");
    const [, text = ""] = /```yaml\n(version: 1\n.*?)```/s.exec(guide) ?? [];
    const { data, policy } = await read(text);
    expect(data.vault).toEqual({
      cache: { sqlite: "./handles.db" },
      keys: { file: "./handlevault.keys" },
    });
    const rules = policy.rulesOf({ server: "patients", tool: "lookup_patient" });
    expect(rules.sealing).toMatchObject([{ at: [], maxUses: 3, ttlSeconds: 900 }]);
  });

  it("may have every kind of rule", async () => {
    const { policy } = await read(`version: 1
vault: { cache: { sqlite: ./handles.db }, keys: { file: ./handlevault.keys } }
subject: \${HANDLEVAULT_SUBJECT}      # stdio: set by the host, unset = refuse
ttlSeconds: 900
defaults: { unlisted: seal, errors: seal }
servers:
  patients:
    tools:
      lookup_patient:
        seal: [{ at: "", safeView: { fixed: one patient record }, grant: [pharmacy/check_interactions], maxUses: 3 }]
      list_prescriptions: { show: [/count], seal: [{ at: "/items/*", safeView: { summarizer: schema }, grant: [pharmacy/check_interactions] }] }
  pharmacy:
    tools:
      check_interactions: { hydrate: [{ at: "/medications/*" }, { at: /note, inside: true }], seal: none }
`);
    expect(policy.warnings).toEqual([]);
    expect(policy.opens("pharmacy")).toBe(true);
    expect(policy.opens("patients")).toBe(false);
    const rules = policy.rulesOf({ server: "patients", tool: "list_prescriptions" });
    expect(rules).toMatchObject({ show: [["count"]], sealing: [{ at: ["items", "*"] }] });
  });

  it("names files relative to its folder", async () => {
    const path = fileOf(HEAD + SERVERS);
    const { pathOf } = await readPolicyFile(path);
    expect(pathOf("./handles.db")).toBe(path.replace(/[^/]+$/, "handles.db"));
    expect(pathOf("/var/handles.db")).toBe("/var/handles.db");
  });

  it.each([
    ["version: 2\n", "line 1, column 10: version: Invalid input: expected 1"],
    [`${HEAD}colour: red\n${SERVERS}`, "line 3, column 1: unknown key colour"],
    [
      `${HEAD}servers:\n  a:\n    tools:\n      t: { sael: none }\n`,
      "line 6, column 12: unknown key sael",
    ],
    [
      `${HEAD}servers:\n  a:\n    tools:\n      t:\n        seal:\n          - at: ""\n            safeview: {}\n`,
      "line 9, column 13: unknown key safeview",
    ],
    [`${HEAD}defaults: { unlisted: maybe }\n${SERVERS}`, "line 3, column 23: defaults > unlisted"],
    [`${HEAD}ttlSeconds: soon\n${SERVERS}`, "line 3, column 13: ttlSeconds"],
    [
      `version: 1\nvault: { cache: { sqlite: a, lmdb: b } }\n${SERVERS}`,
      "line 2, column 17: vault > cache: must have exactly one of sqlite, lmdb, redis, valkey",
    ],
    [
      `version: 1\nvault: { cache: { sqlit: a } }\n${SERVERS}`,
      "line 2, column 19: unknown key sqlit",
    ],
    ...[
      ["{ mounted: true }", "line 2, column 31: vault > keys: must have exactly one of file, env"],
      [
        "{ file: a, env: B }",
        "line 2, column 31: vault > keys: must have exactly one of file, env",
      ],
      [
        "{ env: A, mounted: true }",
        "line 2, column 31: vault > keys: must not have mounted beside env",
      ],
      [
        "{ file: a, mounted: yes }",
        "line 2, column 51: vault > keys > mounted: Invalid input: expected boolean",
      ],
      ["{ file: a, mount: true }", "line 2, column 42: unknown key mount"],
    ].map(([keys, message]) => [
      `version: 1\nvault: { cache: memory, keys: ${keys} }\n${SERVERS}`,
      `${message}`,
    ]),
    [
      `version: 1\nvault: { cache: { sqlite: a } }\n${SERVERS}`,
      "line 2, column 17: a cache that outlives the process needs keys",
    ],
    [
      `${HEAD}servers:\n  a:\n    tools:\n      t:\n        seal:\n          - at: ""\n            grant: b/c\n`,
      "line 9, column 20: servers > a > tools > t > seal > 0 > grant: Invalid input: expected array",
    ],
    [
      `${HEAD}servers: { a: { tools: { t: { seal: [{ maxUses: 1 }] } } } }\n`,
      "line 3, column 38: servers > a > tools > t > seal > 0: must have exactly one of at, marked",
    ],
    [
      `${HEAD}servers: { a: { tools: { t: { seal: non } } } }\n`,
      "line 3, column 37: servers > a > tools > t > seal: must be none, or a list of rules",
    ],
    [
      `version: 1\nvault: { cache: disk }\n${SERVERS}`,
      "line 2, column 17: vault > cache: must be memory, or one of sqlite, lmdb, redis, valkey",
    ],
    [
      `${HEAD}servers: { a: { tools: { t: { seal: [{ at: "", safeView: { summarizer: odd } }] } } } }\n`,
      "line 3, column 72: there is no summarizer of that name",
    ],
    ["", "line 1, column 1: Invalid input: expected object"],
    ["- a\n", "line 1, column 1: Invalid input: expected object"],
    [`${HEAD}servers: { a: [\n`, "line 4, column 1: this is not YAML"],
    [`${HEAD}${HEAD}`, "line 3, column 1: this is not YAML"],
    [`${HEAD}servers: !odd {}\n`, "line 3, column 10: this is not YAML"],
    [`${HEAD}auth: {}\n${SERVERS}`, "line 3, column 7: auth: must have jwt or tokens"],
    [
      sharedPolicy("{ cache: memory }"),
      "line 8, column 65: a grant to another server needs a cache that both share",
    ],
  ])("is rejected with the position of the error: %#", async (text, problem) => {
    expect(await problemOf(text)).toContain(`policy, ${problem}`);
  });

  it.each([
    [`version: 1\nvault:\n  cache:\n    sqlite: \${HOME}/a.db\n`, "line 4, column 13"],
    [`${HEAD}servers: { "\${NAME}": { tools: {} } }\n`, "line 3, column 12"],
  ])("refers to the environment in its subject only: %#", async (text, place) => {
    expect(await problemOf(text)).toContain(
      `policy, ${place}: only subject may refer to the environment`,
    );
  });

  it.each([
    [
      `${HEAD}servers: { a: { tools: { t: { seal: [{ at: items }] } } } }\n`,
      "policy, line 3, column 44: policy.servers.a.tools.t.seal[0].at must be a JSON pointer",
    ],
    [
      `${HEAD}servers: { a: { tools: { t: { seal: [{ at: "", grant: ["a/*"] }] } } } }\n`,
      "policy, line 3, column 56: policy.servers.a.tools.t.seal[0].grant[0] must name one tool",
    ],
    [
      `${HEAD}servers: { "a b": { tools: {} } }\n`,
      "policy, line 3, column 12: a name in policy.servers",
    ],
    [
      `${HEAD}servers: { a: { tools: { ok: {}, "a b": {} } } }\n`,
      "policy, line 3, column 34: a name in policy.servers.a.tools",
    ],
    [
      `${HEAD}servers:\n  a:\n    tools:\n      t: {}\n      t.seal:\n        hydrate: [{ at: "" }]\n`,
      "policy, line 8, column 25: policy.servers.a.tools.t.seal.hydrate[0].at must name an argument",
    ],
    [`${HEAD}ttlSeconds: -1\n${SERVERS}`, "policy, line 3, column 13: policy.ttlSeconds"],
  ])("is also checked by the policy's own rules: %#", async (text, problem) => {
    expect(await problemOf(text)).toContain(problem);
  });

  it("accepts names of inherited object members, but not `__proto__`", async () => {
    const withTool = (tool: string) =>
      `${HEAD}defaults: { unlisted: pass }\nservers: { records: { tools: { ${tool}: {} } } }\n`;
    const { policy } = await read(withTool("constructor"));
    expect(policy.rulesOf({ server: "records", tool: "constructor" }).handling).toBe("rules");
    expect(policy.rulesOf({ server: "records", tool: "toString" }).handling).toBe("pass");
    expect(await problemOf(withTool("__proto__"))).toContain("line 4, column 32: __proto__");
  });

  it("prints no text that is in the place of a name by mistake", async () => {
    const secret = "pa55 word, that nobody may see";
    expect(await problemOf(`${HEAD}"${secret}": 1\n${SERVERS}`)).toContain("(not a name)");
    expect(await problemOf(`${HEAD}ttlSeconds: "${secret}"\n${SERVERS}`)).not.toContain("pa55");
  });

  it("is refused when it cannot be read, is no file, or is too large", async () => {
    expect(await messageThrownBy(() => readPolicyFile("no such file"))).toContain("cannot be read");
    expect(await messageThrownBy(() => readPolicyFile("."))).toMatch(/not a file|cannot be read/);
    expect(await problemOf("#".repeat(2 ** 20 + 1))).toContain("larger than 1 MiB");
    const absent = newPath("policy.yaml");
    expect(await messageThrownBy(() => readPolicyFile(absent))).not.toContain(absent);
  });

  it("cannot refer to other files", async () => {
    expect(await problemOf(`${HEAD}servers: *none\n`)).toContain("aliases lead nowhere");
  });

  it("limits the expansion of aliases", async () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [name, from] of ["ba", "cb", "dc", "ed", "fe", "gf"]) {
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${from}`).join(", ")}]`);
    }
    expect(await problemOf(`${bomb.join("\n")}\n`)).toContain("aliases");
  });
});

describe("the subject", () => {
  it("is text with variables of the environment in it", () => {
    const environment = { USER_ID: "alice", TENANT: "acme" };
    expect(subjectOf("alice", environment)).toBe("alice");
    expect(subjectOf(`\${TENANT}:\${USER_ID}`, environment)).toBe("acme:alice");
  });

  it("uses the value of a variable without expanding it again", () => {
    const environment = { A: `\${B}$&`, B: "secret" };
    expect(subjectOf(`\${A}`, environment)).toBe(`\${B}$&`);
  });

  it.each([undefined, `\${UNSET}`, `\${EMPTY}`, `\${not a name}`, "", "x".repeat(513)])(
    "is refused when there is none: %#",
    async (text) => {
      expect(await messageThrownBy(() => subjectOf(text, { EMPTY: "" }))).toMatch(
        /^policy: subject/,
      );
    },
  );
});
