import { describe, expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { fakeTimers } from "../../support/fake-timers.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES } from "./wires.js";

const LARGE = "large".repeat(100_000);

describe.each(WIRES)("over %s", (wire) => {
  it("fake timers that are never advanced hold neither the server nor the client", async () => {
    fakeTimers();
    const { server, port } = await serverOf(wire, new HandleVault(), { auth: trustLocalCallers() });
    const client = clientOf(wire, port);
    const [small, large] = await Promise.all([
      client.seal("small", sealOptions()),
      client.seal(LARGE, sealOptions()),
    ]);
    expect(await client.unseal(small.id, OWNER)).toBe("small");
    expect(await client.unseal(large.id, OWNER)).toBe(LARGE);
    await client.close();
    await server.stop();
  });
});
