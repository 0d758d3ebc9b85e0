import { describe, expect, it } from "vitest";
import { introduction } from "../../../src/mcp/filter/server-info.js";

const SECRET = "canary 7f3a91";
const GIVEN = {
  protocolVersion: "2025-11-25",
  supportedVersions: ["2026-07-28", SECRET, 5],
  capabilities: {
    tools: { listChanged: true, other: SECRET },
    prompts: { listChanged: SECRET },
    resources: { subscribe: false },
    logging: {},
    completions: SECRET,
    tasks: { list: {} },
    experimental: { [SECRET]: {} },
  },
  serverInfo: { name: SECRET, title: SECRET, version: SECRET, websiteUrl: SECRET },
  instructions: SECRET,
  _meta: { a: SECRET },
};
const KNOWN = {
  protocolVersion: "2025-11-25",
  supportedVersions: ["2026-07-28"],
  capabilities: {
    tools: { listChanged: true },
    prompts: {},
    resources: { subscribe: false },
    logging: {},
  },
};

describe("a server's introduction", () => {
  it("contains versions, known capabilities, and the policy's name for the server", () => {
    expect(introduction(GIVEN, { server: "records", texts: "fixed" })).toEqual({
      ...KNOWN,
      serverInfo: { name: "records", version: "0" },
    });
  });

  it("also contains the server's name and instructions where texts pass", () => {
    expect(introduction(GIVEN, { server: "records", texts: "pass" })).toEqual({
      ...KNOWN,
      serverInfo: { name: SECRET, version: SECRET },
      instructions: SECRET,
    });
  });

  it.each([
    ["1.2.3", "1.2.3"],
    ["2", "2"],
    ["2026.1.14", "2026.1.14"],
    ["123456789", "0"],
    ["123.45.6789", "0"],
    ["1990.12.31", "0"],
    ["4111.1111.1111", "0"],
    ["1.0.0-canary", "0"],
    ["1.2.3.4", "0"],
    [5, "0"],
    [undefined, "0"],
  ])("has a version of numbers, if any: %j", (version, shown) => {
    const given = { serverInfo: { name: "x", version } };
    expect(introduction(given, { server: "records", texts: "fixed" })).toMatchObject({
      serverInfo: { version: shown },
    });
  });

  it("contains only the dates of revisions, each once and in order, and no other date", () => {
    const supportedVersions = ["2026-07-28", "2001-09-11", "2025-06-18", "2026-07-28"];
    const given = { protocolVersion: "2001-09-11", supportedVersions };
    expect(introduction(given, { server: "records", texts: "fixed" })).toEqual({
      supportedVersions: ["2025-06-18", "2026-07-28"],
      capabilities: {},
    });
  });

  it("contains the revision that the client requested, even if the filter does not know it", () => {
    const [asked, other] = ["2027-03-01", "2027-03-02"];
    const given = { protocolVersion: asked, supportedVersions: [other, asked] };
    expect(introduction(given, { server: "records", texts: "fixed", asked })).toEqual({
      protocolVersion: asked,
      supportedVersions: [asked],
      capabilities: {},
    });
  });

  it("contains no more where revision 2026-07-28 has it", () => {
    const key = "io.modelcontextprotocol/serverInfo";
    const given = { capabilities: {}, _meta: { [key]: { ...GIVEN.serverInfo, a: 1 }, b: SECRET } };
    expect(introduction(given, { server: "records", texts: "fixed" })).toEqual({
      capabilities: {},
      _meta: { [key]: { name: "records", version: "0" } },
    });
  });

  it("contains empty capabilities where the server sends none", () => {
    const given = { protocolVersion: SECRET, serverInfo: SECRET, supportedVersions: SECRET };
    expect(introduction(given, { server: "records", texts: "fixed" })).toEqual({
      capabilities: {},
    });
  });
});
