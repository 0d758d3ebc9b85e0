import { afterEach, describe, expect, it, vi } from "vitest";
import { isVaultError } from "../../src/index.js";
import { newFile } from "./sqlite-scene.js";

afterEach(() => {
  vi.doUnmock("better-sqlite3");
  vi.resetModules();
});

describe("a driver without its binary", () => {
  it.each([":memory:", "a file"])(
    "is reported as a broken package, not an outage: %s",
    async (place) => {
      vi.doMock("better-sqlite3", () => ({
        default: class {
          constructor() {
            throw new Error("Could not locate the bindings file.");
          }
        },
      }));
      const { openSqliteCache } = await import("../../src/cache/sqlite.js");
      const path = place === ":memory:" ? place : newFile();
      const error = await openSqliteCache(path).catch((thrown: unknown) => thrown);
      expect(isVaultError(error, "ERR_VAULT_PEER_BROKEN")).toBe(true);
      expect(error).toMatchObject({ peer: "better-sqlite3", cause: expect.any(Error) });
    },
  );
});
