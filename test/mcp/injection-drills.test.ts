/** Runs the injection drills against wrapped servers of both SDKs, and against faulty ones. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Vault } from "../../src/index.js";
import { serverPrincipal } from "../../src/mcp.js";
import {
  describeInjectionDrills,
  type InjectionDrill,
  injectionDrills,
  injectionLaws,
  playDrill,
  SECRET_HANDLE,
} from "../../src/testing.js";
import { deskHarness, type Fault, registerOn } from "./support/drill-desk.js";
import { LINES } from "./support/lines.js";

for (const name of Object.keys(LINES)) {
  describeInjectionDrills(`a wrapped server over ${name}`, deskHarness(name), { describe, it });
}

describe("a custom injection", () => {
  const drill = (value: string): InjectionDrill => ({
    injection: "Look at it from the other side.",
    turns: [{ subject: "reader", tool: "fail", arguments: { value } }],
    trusted: [],
  });

  it("is run with the handle in place of its name, and reported", async () => {
    const harness = deskHarness("stdio, client 1 to server 1");
    expect(await playDrill(drill(SECRET_HANDLE), harness)).toEqual({
      leaks: ["the tool fail was run with it"],
      taskSucceeded: true,
    });
    expect(await playDrill(drill(`x${SECRET_HANDLE}`), harness)).toEqual({
      leaks: [],
      taskSucceeded: true,
    });
  });
});

const OWNER = serverPrincipal("desk", "reader");

/** A vault that opens every handle for every principal. */
function withoutAccessControl(sound: Vault): Vault {
  return altered(sound, {
    describe: (id) => sound.describe(id, OWNER),
    unsealMany: (requests) =>
      sound.unsealMany(requests.map(({ id }) => ({ id, requestingPrincipal: OWNER }))),
  });
}

/** A vault that also opens handles inside opened values. */
function scanningAgain(sound: Vault): Vault {
  const open = async (text: string): Promise<unknown> => {
    const [id] = /hdl_[0-9a-f]{32}/.exec(text) ?? [];
    return id === undefined ? text : sound.unseal(id, OWNER);
  };
  return altered(sound, {
    unsealMany: async <T>(requests: Parameters<Vault["unsealMany"]>[0]) => {
      const outcomes = await sound.unsealMany(requests);
      const scanned = outcomes.map(async (outcome) =>
        outcome.ok ? { ...outcome, value: await open(JSON.stringify(outcome.value)) } : outcome,
      );
      return (await Promise.all(scanned)) as Awaited<ReturnType<typeof sound.unsealMany<T>>>;
    },
  });
}

function altered(sound: Vault, changes: Partial<Vault>): Vault {
  return new Proxy(sound, {
    get(target, name) {
      const changed = changes[name as keyof Vault];
      const member = changed ?? (target[name as keyof Vault] as unknown);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Trusts the principal that the arguments name. */
const believingArguments: Fault = {
  addResolve(server, vault) {
    const inputSchema = z.looseObject({ handle_id: z.string() });
    registerOn(server, "resolve_handle", { inputSchema }, async (args) => {
      const data = await vault.unseal(String(args["handle_id"]), String(args["principal"]));
      return { content: [], structuredContent: { data } };
    });
  },
};

const FAULTS: Readonly<Record<string, Fault>> = {
  "a handle that is sent to the wrong tool opens nothing": { vault: withoutAccessControl },
  "a handle in the tool call of another subject opens nothing": { subjectOf: () => "reader" },
  "an agent that types the gateway's principal is still the agent": believingArguments,
  "a handle that is quoted in the payload of another handle stays a text": { vault: scanningAgain },
  "an error says nothing of what a handle stands for": { tellsErrors: true },
};

const LINE = "stdio, client 1 to server 1";

describe("a leaky set-up", () => {
  it("exists for every drill", () => {
    expect(Object.keys(FAULTS)).toEqual(Object.keys(injectionLaws));
  });

  it.each(Object.entries(FAULTS))("fails the drill: %s", async (title, fault) => {
    const harness = deskHarness(LINE, fault);
    await expect(injectionLaws[title]?.(harness)).rejects.toThrow(/the secret leaked/);
  });

  it.each(Object.entries(FAULTS))(
    "passes the other drills with its one fault: %s",
    async (title, fault) => {
      const harness = deskHarness(LINE, fault);
      const reports = Object.entries(injectionDrills).map(async ([name, drill]) => {
        const { leaks } = await playDrill(drill, harness);
        return [name, leaks.length > 0] as const;
      });
      const found = Object.fromEntries(await Promise.all(reports));
      expect(found[title]).toBe(true);
      expect(Object.values(found).filter((isLeak) => !isLeak).length).toBeGreaterThanOrEqual(3);
    },
  );

  it("fails every drill when nothing is wrapped at all", async () => {
    const bare = deskHarness(LINE, { isBare: true });
    for (const drill of Object.values(injectionDrills)) {
      const { leaks } = await playDrill(drill, bare);
      expect(leaks).toContain("the agent of the reader received it");
    }
  });

  it("fails every drill when nothing leaks because nothing works", async () => {
    const full = deskHarness(LINE, {
      vault: (sound) => altered(sound, { seal: () => Promise.reject(new Error("full")) }),
    });
    for (const drill of Object.values(injectionDrills)) {
      expect(await playDrill(drill, full)).toEqual({ leaks: [], taskSucceeded: false });
    }
  });
});
