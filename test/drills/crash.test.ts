/** What was acknowledged is there after a crash, whole. */
import { describe, expect, it, vi } from "vitest";
import { crash } from "./crash.js";
import { LMDB, REDIS, respServer, SQLITE, VALKEY } from "./places.js";
import { skipUnless } from "./skipping.js";

const ACKNOWLEDGED = 20_000;

/** With `appendfsync everysec` a server that is killed may take what it had not yet written with it. */
const SERVERS_TOO = [
  { ...respServer("redis", { appendFsync: "always" }), name: "Redis, appendfsync always" },
  { ...respServer("valkey", { appendFsync: "always" }), name: "Valkey, appendfsync always" },
];

/** Machines are shared, and these start many processes. */
vi.setConfig({ testTimeout: 240_000 });

describe.each([
  ...[SQLITE, LMDB, REDIS, VALKEY].map((kind) => ({ kind, name: kind.name, crashServer: false })),
  ...SERVERS_TOO.map((kind) => ({ kind, name: `${kind.name}, and its server`, crashServer: true })),
])("writers on $name that are killed at random moments", ({ kind, crashServer }) => {
  it("lose none of 20,000 acknowledged seals and leave none torn", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const report = await crash(place, { acknowledged: ACKNOWLEDGED, crashServer });
      expect(report).toMatchObject({ lost: 0, torn: 0 });
      expect(report.acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED);
      expect(report.kills).toBeGreaterThanOrEqual(3);
    } finally {
      await place.stop();
    }
  });
});
