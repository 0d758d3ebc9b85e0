import { describe, expect, it } from "vitest";
import { answerMessage } from "../../../src/transport/json-rpc/messages.js";

describe("a batch", () => {
  it("holds no more answers than its budget, and refuses the items past it unperformed", async () => {
    let performed = 0;
    const batch = Array.from({ length: 40 }, (_, id) => ({ id, method: "unseal" }));
    const text = await answerMessage(batch, async () => {
      performed += 1;
      return "s".repeat(1024 * 1024);
    });
    expect(performed).toBeLessThanOrEqual(16 + 3);
    const answers = JSON.parse(text ?? "[]") as { error?: { data: { code: string } } }[];
    expect(answers).toHaveLength(40);
    expect(answers.at(-1)?.error?.data.code).toBe("ERR_VAULT_REQUEST_TOO_LARGE");
  });
});
