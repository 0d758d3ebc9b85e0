import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OriginalServer, startOriginal } from "../../support/servers/original.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../../support/vault.js";
import { clientOf, WIRES } from "./wires.js";

const NOT_FOUND = { code: "ERR_VAULT_HANDLE_NOT_FOUND" };
let original: OriginalServer;

beforeAll(async () => {
  original = await startOriginal();
});
afterAll(() => original.stop());

describe.each(WIRES)("the original's server over %s", (wire) => {
  const client = () => clientOf(wire, original.ports[wire]);

  it("seals for our client, and hands out to the owner and the granted alone", async () => {
    const vault = client();
    const data = { n: [1, -2.5, null, true, 2 ** 31 - 1], "": {}, text: "é\u{1f600} <&>\n" };
    const handle = await vault.seal(data, sealOptions({ ttlSeconds: 60, safeView: "view <&>" }));
    expect(handle).toMatchObject({
      safeView: "view <&>",
      ownerPrincipal: OWNER,
      grantedPrincipals: [GRANTEE],
    });
    expect(handle.expiresAt.getTime() - handle.createdAt.getTime()).toBe(60_000);
    expect(await vault.unseal(handle.id, OWNER)).toEqual(data);
    expect(await vault.unseal(handle.id, GRANTEE)).toEqual(data);
    await expect(vault.unseal(handle.id, STRANGER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
    expect(await vault.getSafeView(handle.id)).toBe("view <&>");
  });

  it.each([["text"], [0], [false], [null], [[]], ["x".repeat(1024 * 1024)]])(
    "gives a payload back as it was",
    async (data) => {
      const vault = client();
      const { id } = await vault.seal(data, { ownerPrincipal: OWNER, safeView: "" });
      expect(await vault.unseal(id, OWNER)).toEqual(data);
    },
  );

  it("invalidates once and again, and what is gone is not found", async () => {
    const vault = client();
    const { id } = await vault.seal("secret", sealOptions());
    await vault.invalidate(id);
    await vault.invalidate(id);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(NOT_FOUND);
    await expect(vault.getSafeView(id)).rejects.toMatchObject(NOT_FOUND);
  });

  it("says of an expired handle that it has expired", async () => {
    const vault = client();
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 0 }));
    const expired = { code: "ERR_VAULT_HANDLE_EXPIRED" };
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(expired);
    await expect(vault.getSafeView(id)).rejects.toMatchObject(expired);
  });

  it("has no operations of ours: asking for one is an error, not an answer", async () => {
    const vault = client();
    const { id } = await vault.seal("secret", sealOptions());
    const asked = [
      vault.describe(id, OWNER),
      vault.grant(id, STRANGER, { by: OWNER }),
      vault.renew(id, 60, { by: OWNER }),
      vault.health(),
    ];
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    await expect(vault.unseal(id, STRANGER)).rejects.toThrow();
  });

  it("serves several calls at once", async () => {
    const vault = client();
    // As many as it lets wait for a connection.
    const values = Array.from({ length: 5 }, (_, index) => index);
    const handles = await Promise.all(values.map((data) => vault.seal(data, sealOptions())));
    const opened = await Promise.all(handles.map(({ id }) => vault.unseal(id, OWNER)));
    expect(opened).toEqual(values);
  });
});
