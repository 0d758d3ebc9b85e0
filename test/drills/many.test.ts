/** Ten thousand concurrent callers each get their own payload, within bounded memory. */
import { describe, expect, it, vi } from "vitest";
import { Child } from "./child.js";
import type { ManyReport, ManyTask } from "./children/many.js";
import { PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

const COUNT = 10_000;
const MAX_GROWTH = 64 * 2 ** 20;

/** These tests start many processes, on machines that may be busy. */
vi.setConfig({ testTimeout: 240_000 });

describe.each(PLACES)("10,000 concurrent unseals on $name", (kind) => {
  it("are correct and take at most 64 MiB more memory", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const task: ManyTask = { address: place.address, count: COUNT };
      const child = new Child("many.ts", task, { nodeArguments: ["--expose-gc"] });
      const { opened, growth } = await child.result<ManyReport>();
      expect(opened).toBe(COUNT);
      expect(growth).toBeLessThanOrEqual(MAX_GROWTH);
    } finally {
      await place.stop();
    }
  });
});
