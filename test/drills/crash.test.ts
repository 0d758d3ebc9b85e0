/** What was acknowledged is there after a crash, whole. */
import { describe, expect, it } from "vitest";
import { crash } from "./crash.js";
import { DURABLE_PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

describe.each(DURABLE_PLACES)("writers on $name that are killed at random moments", (kind) => {
  it("lose none of 20,000 acknowledged seals and leave none torn", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const report = await crash(place, { acknowledged: 20_000, crashServer: true });
      expect(report).toMatchObject({ lost: 0, torn: 0 });
      expect(report.acknowledged).toBeGreaterThanOrEqual(20_000);
      expect(report.kills).toBeGreaterThanOrEqual(3);
    } finally {
      await place.stop();
    }
  });
});
