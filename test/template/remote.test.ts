import { describe, expect, it } from "vitest";
import { generateToken, tokenAuth } from "../../src/auth.js";
import { VaultClient } from "../../src/client.js";
import { HandleVault } from "../../src/index.js";
import { hydrateStream, hydrateValue, TemplateEngine } from "../../src/template.js";
import { serveHttp } from "../../src/transport/http.js";
import { GRANTEE } from "../support/vault.js";
import { AS, sealed, through, UNKNOWN_ID } from "./scene.js";

describe("a vault in another process", () => {
  it("hydrates texts, values and streams like a vault in this process", async () => {
    await using vault = new HandleVault();
    const token = generateToken();
    const auth = tokenAuth({ tokens: [{ principal: GRANTEE, token }] });
    const server = await serveHttp(vault, { auth, port: 0 });
    const client = VaultClient.http(`http://127.0.0.1:${server.address.port}`, { token });
    try {
      const id = await sealed(vault, { name: "Ada" });
      const text = `Dear {{${id}#/name}}, {{${UNKNOWN_ID}}}`;
      const options = { ...AS, onUnresolved: "keep" } as const;
      const local = await new TemplateEngine(vault).hydrate(text, options);
      expect(local.text).toBe(`Dear Ada, {{${UNKNOWN_ID}}}`);
      expect(await new TemplateEngine(client).hydrate(text, options)).toEqual(local);
      expect((await through([text], hydrateStream(client, options))).join("")).toBe(local.text);
      expect((await hydrateValue(client, { a: id }, AS)).value).toEqual({ a: { name: "Ada" } });
    } finally {
      await client.close();
      await server.stop();
    }
  });
});
