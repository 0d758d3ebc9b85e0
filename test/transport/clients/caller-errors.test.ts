import { describe, expect, it } from "vitest";
import { RateLimitedError } from "../../../src/errors.js";
import { HandleVault } from "../../../src/index.js";
import { toWireError } from "../../../src/transport/service/error-table.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { vaultErrors } from "../../support/vault-errors.js";
import { clientOf, serverOf, WIRES } from "./wires.js";

/** A server whose authenticator fails for a reason of its own. */
async function failing(wire: (typeof WIRES)[number]) {
  let reason: Error | undefined;
  const auth = {
    authenticate: () => {
      if (reason !== undefined) throw reason;
      return { principal: OWNER };
    },
  };
  const { port } = await serverOf(wire, new HandleVault(), { auth });
  return {
    client: clientOf(wire, port, { token: "token" }),
    failFor: (error: Error) => {
      reason = error;
    },
  };
}

describe.each(WIRES)("during authentication over %s", (wire) => {
  it("every error reaches the client unchanged, as an error of the vault does", async () => {
    expect(vaultErrors.length).toBeGreaterThan(20);
    for (const error of vaultErrors) {
      const { client, failFor } = await failing(wire);
      failFor(error);
      const received: unknown = await client
        .seal("x", sealOptions())
        .catch((reason: unknown) => reason);
      expect(received).toBeInstanceOf(error.constructor);
      expect(received).toMatchObject({ code: error.code, message: toWireError(error).message });
    }
  });

  it("how long to wait reaches the client", async () => {
    const { client, failFor } = await failing(wire);
    failFor(new RateLimitedError(7));
    await expect(client.seal("x", sealOptions())).rejects.toMatchObject({
      code: "ERR_VAULT_RATE_LIMITED",
      retryAfterSeconds: 7,
    });
  });
});
