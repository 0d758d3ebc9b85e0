import { describe, expect, it } from "vitest";
import { withIds } from "../../../src/transport/compat/original.js";
import { HandleVault } from "../../support/modules.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { ask, LOCAL, serve } from "../rest/support.js";

describe("the original's name for a handle's id", () => {
  it("is read as the id, in each item of a batch, too", () => {
    expect(withIds({ handle_id: "h", by: "o" })).toEqual({ id: "h", by: "o" });
    expect(withIds({ requests: [{ handle_id: "h" }, 5] })).toEqual({ requests: [{ id: "h" }, 5] });
  });

  it("does not replace an id, so that both together are refused", () => {
    expect(withIds({ id: "a", handle_id: "b" })).toEqual({ id: "a", handle_id: "b" });
  });

  it("is accepted by a server", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const server = await serve({ auth: LOCAL }, vault);
    const json = { requests: [{ handle_id: id, requesting_principal: OWNER }] };
    const { body } = await ask(server, "POST /batch/unseal", { json });
    expect(body).toEqual({ outcomes: [{ ok: true, value: { data: "secret" } }] });
  });
});
