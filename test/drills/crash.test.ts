/** Acknowledged records are complete after a crash. */
import { describe, expect, it, vi } from "vitest";
import { crash } from "./crash.js";
import { noteOutcome } from "./outcomes.js";
import { LMDB, REDIS, respServer, SQLITE } from "./places.js";
import { skipUnless } from "./skipping.js";

/** These tests start many processes, on machines that may be busy. */
vi.setConfig({ testTimeout: 240_000 });

const ACKNOWLEDGED = 20_000;

/** Without `always`, a killed server may lose records that it acknowledged but had not written. */
const ALWAYS = { appendFsync: "always" } as const;

describe.each([
  { title: "to SQLite", kind: SQLITE, store: 'SQLite, `synchronous: "full"`' },
  { title: "to LMDB", kind: LMDB, store: "LMDB" },
  { title: "to Redis", kind: REDIS },
  {
    title: "to Redis, and the server with them",
    kind: respServer("redis", ALWAYS),
    store: "Redis, `appendfsync always`",
    crashServer: true,
  },
  {
    title: "to Valkey, and the server with them",
    kind: respServer("valkey", ALWAYS),
    store: "Valkey, `appendfsync always`",
    crashServer: true,
  },
])("writers $title, killed at random moments", ({ kind, store, crashServer = false }) => {
  it("lose none of 20,000 acknowledged seals and leave no incomplete record", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const report = await crash(place, { acknowledged: ACKNOWLEDGED, crashServer });
      if (store !== undefined) {
        noteOutcome(store, "killed (kill -9)", report.lost === 0 ? "kept" : "lost");
      }
      expect(report).toMatchObject({ lost: 0, torn: 0 });
      expect(report.acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED);
      expect(report.kills).toBeGreaterThanOrEqual(3);
    } finally {
      await place.stop();
    }
  });
});
