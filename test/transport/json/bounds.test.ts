/** The values that a JSON text may not contain, and how much of it is read at once. */
import fc from "fast-check";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { HandleVault } from "../../../src/index.js";
import {
  readJsonParams,
  readJsonResponse,
  writeJson,
} from "../../../src/transport/json/payload-data.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { OWNER } from "../../support/vault.js";
import { localTrust, openScenes } from "../json-rpc/scene.js";
import { ask, LOCAL, serve } from "../rest/support.js";

const openRpc = openScenes();
const TWICE = new RangeError("params must not have a member twice");
const TOO_LARGE = { code: "ERR_VAULT_REQUEST_TOO_LARGE" };

afterEach(() => void vi.restoreAllMocks());

describe.each([
  ["a request", readJsonParams],
  ["an answer", readJsonResponse],
])("in the JSON of %s", (_, read) => {
  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":{"b":1,"b":2}}',
    '[[{"a":1,"a":1}]]',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a" : 1 , "a"\n:\t2}',
    '{"a":"b:c","a":"\\"a\\":1"}',
    '{"1":1,"1":2}',
  ])("a member that comes twice is refused: %s", (text) => {
    expect(() => read(text)).toThrow(TWICE);
  });

  it("no member is taken for one that came before", () => {
    for (const text of [
      '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
      '{"a":"a","A":"a","á":"a"}',
      '{"a:":"\\":{","b":": , :"}',
      '{"toString":1,"hasOwnProperty":{"length":1},"__proto__":{"__proto__":null}}',
      "[]",
      "5",
    ]) {
      expect(JSON.stringify(read(text))).toBe(text);
    }
  });

  it("any member is found that is written once more, and nothing else is", () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 });
    fc.assert(
      fc.property(object, fc.nat(), (value, place) => {
        const text = writeJson(value);
        expect(read(text)).toEqual(JSON.parse(text));
        const names = Object.keys(JSON.parse(text) as object);
        const name = JSON.stringify(names[place % names.length]);
        const again = `${text.slice(0, -1)},${name}:null}`;
        expect(() => read(`{"data":[${again}]}`)).toThrow(TWICE);
      }),
      { numRuns: 300 },
    );
  });

  it("members of a polluted prototype are not counted", () => {
    const prototype = Object.prototype as { polluted?: number };
    prototype.polluted = 1;
    try {
      expect(read('{"a":{"b":1}}')).toEqual({ a: { b: 1 } });
      expect(() => read('{"a":1,"a":2}')).toThrow(TWICE);
    } finally {
      delete prototype.polluted;
    }
  });
});

describe("a request with a member twice does nothing", () => {
  function watched() {
    let sealed = 0;
    class Watched extends HandleVault {
      override seal(...args: Parameters<HandleVault["seal"]>) {
        sealed++;
        return super.seal(...args);
      }
    }
    return { vault: new Watched(), sealed: () => sealed };
  }
  const MEMBERS = `"data":"x","safe_view":"v","owner_principal":"${OWNER}"`;
  const TWINS = [
    `{${MEMBERS},"owner_principal":"other"}`,
    `{${MEMBERS},"data":"y"}`,
    `{${MEMBERS.replace('"x"', '{"a":1,"a":2}')}}`,
  ];

  it("over HTTP", async () => {
    const { vault, sealed } = watched();
    const server = await serve({ auth: LOCAL }, vault);
    for (const text of TWINS) {
      const answer = await ask(server, "POST /handles", { text });
      expect([answer.status, answer.body["code"]]).toEqual([400, "ERR_VAULT_OUT_OF_RANGE"]);
    }
    expect((await ask(server, "POST /handles", { text: `{${MEMBERS}}` })).status).toBe(201);
    expect(sealed()).toBe(1);
  });

  it("over JSON-RPC", async () => {
    const { vault, sealed } = watched();
    const { peer } = await openRpc({ auth: localTrust, vault });
    const raw = await peer();
    const refusal = { code: -32600, data: { code: "ERR_VAULT_OUT_OF_RANGE" } };
    const frames = TWINS.map((params) => `{"id":1,"method":"seal","params":${params}}`);
    for (const frame of [
      ...frames,
      `{"id":1,"id":2,"method":"seal","params":{${MEMBERS}}}`,
      `{"id":1,"method":"health","method":"seal","params":{${MEMBERS}}}`,
    ]) {
      raw.send(frame);
      expect(await raw.next()).toMatchObject({ id: null, error: refusal });
    }
    expect(sealed()).toBe(0);
  });

  it("over XML-RPC", async () => {
    const { vault, sealed } = watched();
    const server = await serveXmlRpc(vault, { auth: LOCAL, port: 0 });
    onTestFinished(() => server.stop());
    const member = "<member><name>a</name><value>1</value></member>";
    const params = [`<struct>${member}${member}</struct>`, OWNER, "v"];
    const text = `<methodCall><methodName>seal</methodName><params>${params
      .map((param) => `<param><value>${param}</value></param>`)
      .join("")}</params></methodCall>`;
    const headers = { "content-type": "text/xml" };
    const answer = await ask(server, "POST /RPC2", { text, headers });
    expect(answer.text).toContain("<int>400</int>");
    expect(sealed()).toBe(0);
  });
});

describe("a request is refused before it is parsed", () => {
  it.each([
    ["arrays", "[],", "[]"],
    ["objects", "{},", "{}"],
  ])("when it has over a million %s", (_, one, last) => {
    const parsed = vi.spyOn(JSON, "parse");
    expect(readJsonParams(`[${one.repeat(999_998)}${last}]`)).toHaveLength(999_999);
    expect(() => readJsonParams(`[${one.repeat(999_999)}${last}]`)).toThrow(
      expect.objectContaining(TOO_LARGE),
    );
    expect(parsed).toHaveBeenCalledTimes(1);
  });

  it("when its members have over 100,000 different names after the first 100,000", () => {
    const parsed = vi.spyOn(JSON, "parse");
    const members = (count: number) =>
      Array.from({ length: count }, (_, index) => `"k${index}":0`).join();
    expect(Object.keys(readJsonParams(`{${members(200_000)}}`) as object)).toHaveLength(200_000);
    expect(() => readJsonParams(`{${members(200_001)}}`)).toThrow(
      expect.objectContaining(TOO_LARGE),
    );
    expect(parsed).toHaveBeenCalledTimes(1);
  });

  it("but not for many members of few names, or for many numbers", () => {
    const rows = `[${'{"id":1,"name":"n","x":[2]},'.repeat(100_000)}0]`;
    expect(readJsonParams(rows)).toHaveLength(100_001);
    expect(readJsonParams(`[${"0,".repeat(1_500_000)}0]`)).toHaveLength(1_500_001);
  });

  it("over HTTP and JSON-RPC alike", async () => {
    const data = `[${"[],".repeat(1_000_000)}0]`;
    const server = await serve({ auth: LOCAL });
    const text = `{"data":${data},"safe_view":"v","owner_principal":"o"}`;
    const answer = await ask(server, "POST /handles", { text });
    expect([answer.status, answer.body["code"]]).toEqual([413, TOO_LARGE.code]);
    const { peer } = await openRpc({ auth: localTrust });
    const raw = await peer();
    await raw.ask("health");
    raw.send(`{"id":1,"method":"seal","params":${text}}`);
    expect(await raw.next()).toMatchObject({ error: { code: -32013, data: TOO_LARGE } });
  });
});

describe("a large request leaves others their turn", () => {
  /** Counts turns of the event loop, and records in which of them a function is called. */
  function turns() {
    let turn = 0;
    let timer = setImmediate(function next() {
      turn++;
      timer = setImmediate(next);
    });
    onTestFinished(() => clearImmediate(timer));
    const noted = new Map<string, number>();
    return { note: (what: string) => noted.set(what, turn), noted };
  }

  async function scene() {
    const { note, noted } = turns();
    const parse = JSON.parse;
    vi.spyOn(JSON, "parse").mockImplementation((text, reviver) => {
      if (text.length > 1e6) note("parsed");
      return parse(text, reviver);
    });
    class Noting extends HandleVault {
      override seal(...args: Parameters<HandleVault["seal"]>) {
        note("sealed");
        return super.seal(...args);
      }
    }
    return { vault: new Noting(), noted };
  }
  const params = { data: "x".repeat(2_000_000), safe_view: "v", owner_principal: OWNER };
  const wait = (noted: Map<string, number>) =>
    (noted.get("sealed") ?? 0) - (noted.get("parsed") ?? Number.POSITIVE_INFINITY);

  it("between being read and being sealed, over HTTP", async () => {
    const { vault, noted } = await scene();
    const server = await serve({ auth: LOCAL }, vault);
    expect((await ask(server, "POST /handles", { json: params })).status).toBe(201);
    expect(wait(noted)).toBeGreaterThan(0);
  });

  it("between being read and being sealed, over JSON-RPC", async () => {
    const { vault, noted } = await scene();
    const { peer } = await openRpc({ auth: localTrust, vault });
    const raw = await peer();
    await raw.ask("health");
    expect((await raw.ask("seal", params)).error).toBeUndefined();
    expect(wait(noted)).toBeGreaterThan(0);
  });

  it("between the payloads of one that opens many", async () => {
    const { note, noted } = turns();
    const vault = new HandleVault();
    const data = "x".repeat(1_100_000);
    const { id } = await vault.seal(data, { ownerPrincipal: OWNER, safeView: "v" });
    let opened = 0;
    const unseal = vault.unseal.bind(vault);
    vault.unseal = (...args) => {
      note(`opened ${opened++}`);
      return unseal(...args);
    };
    const server = await serve({ auth: LOCAL }, vault);
    const requests = Array(5).fill({ id, requesting_principal: OWNER });
    expect((await ask(server, "POST /batch/unseal", { json: { requests } })).status).toBe(200);
    expect(new Set(noted.values()).size).toBe(5);
  });
});

describe("a request with a number or a depth that reading would change", () => {
  it.each([
    ["params must not have an integer beyond 2^53", "9007199254740993"],
    ["params must not have a number larger than a double can be", "1e999"],
    ["params must not nest more than 64 levels deep", `${"[".repeat(70)}${"]".repeat(70)}`],
  ])("is refused over HTTP with a text that says what to mend: %s", async (message, data) => {
    const server = await serve({ auth: LOCAL });
    const text = `{"data":${data},"safe_view":"x","owner_principal":"${OWNER}"}`;
    const { status, body } = await ask(server, "POST /handles", { text });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: message,
      code: "ERR_VAULT_OUT_OF_RANGE",
      details: { place: "params" },
    });
  });
});
