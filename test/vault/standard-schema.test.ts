/** Schemas of libraries that are not ours type and check payloads. */
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { HandleVault, type UnsealOptions } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";

const GOOD = { name: "Ada", tags: ["a"] };
const BAD = { name: 7, tags: ["a", "canary", 3] };
const vault = new HandleVault();

const zod = z.object({ name: z.string(), tags: z.array(z.string()) });
const valibot = v.object({ name: v.string(), tags: v.array(v.string()) });
const arktype = type({ name: "string", tags: "string[]" });

interface Expected {
  name: string;
  tags: string[];
}

describe("a payload opened with a schema", () => {
  it("has the type of the schema's output, whichever library made it", async () => {
    const { id } = await vault.seal(GOOD, sealOptions());
    const outputs = [
      await vault.unseal(id, OWNER, { schema: zod }),
      await vault.unseal(id, OWNER, { schema: valibot }),
      await vault.unseal(id, OWNER, { schema: arktype }),
    ] as const;
    expectTypeOf(outputs[0]).toEqualTypeOf<Expected>();
    expectTypeOf(outputs[1]).toEqualTypeOf<Expected>();
    expectTypeOf(outputs[2]).toEqualTypeOf<Expected>();
    for (const output of outputs) expect(output).toEqual(GOOD);
  });

  it.each([
    ["zod", { schema: zod }],
    ["valibot", { schema: valibot }],
    ["arktype", { schema: arktype }],
  ])("is refused with the places that %s names, and without values", async (_, options) => {
    const { id } = await vault.seal(BAD, sealOptions());
    const opening = vault.unseal(id, OWNER, options as UnsealOptions);
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_VAULT_PAYLOAD_VALIDATION", reason: "refused" });
    expect(error).toMatchObject({ paths: expect.arrayContaining(["/name", "/tags/2"]) });
    expect(JSON.stringify(error)).not.toContain("canary");
  });
});
