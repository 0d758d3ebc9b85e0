/** The locks that coordinate processes that open one LMDB file or write to it. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LockFile, loadFileLocks } from "../../src/cache/lmdb/lock-file.js";
import { OpeningGate } from "../../src/cache/lmdb/opening-gate.js";
import { OpeningLocks } from "../../src/cache/lmdb/opening-locks.js";
import { lmdbCache, openLmdbCache, withOpeningLock } from "../../src/cache/lmdb.js";
import { compiledChild } from "../support/children.js";
import { Holder, type HolderMode } from "../support/lmdb-holders.js";
import { codeThrownBy, thrownBy } from "../support/refusals.js";

const UNAVAILABLE = "ERR_VAULT_CACHE_UNAVAILABLE";
const FOR_LONG = { purgeAfterMs: 3_600_000 };
const PATIENT = { ...FOR_LONG, timeoutMs: 60_000 };
const RECORD = { head: Buffer.from("head") };

/** Makes deadlines use the global timers, which tests advance. */
vi.mock("../../src/primitives/timers.js", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  setTimeout: (work: () => void, delayMs: number) => globalThis.setTimeout(work, delayMs),
  clearTimeout: (timer: NodeJS.Timeout) => globalThis.clearTimeout(timer),
}));

let folder = "";
let path = "";
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handlevault-gate-"));
  path = join(folder, "vault.lmdb");
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function openCache(options: Parameters<typeof openLmdbCache>[1] = {}) {
  const cache = await openLmdbCache(path, options);
  closing.push(() => cache.close());
  return cache;
}

/** Opens a lock file as another process would: with its own file description. */
async function otherLock(name: string): Promise<LockFile> {
  mkdirSync(`${path}-gate`, { recursive: true });
  const file = new LockFile(join(`${path}-gate`, name), await loadFileLocks());
  closing.push(() => file.close());
  return file;
}

function startHolder(mode: HolderMode, wrapper?: readonly string[]): Holder {
  const holder = new Holder(mode, path, wrapper);
  closing.push(() => holder.kill());
  return holder;
}

/** Resolves once another opener excludes writers. */
async function untilClosed(): Promise<void> {
  const turnstile = await otherLock("turnstile");
  await expect.poll(() => takesShared(turnstile), { timeout: 30_000, interval: 1 }).toBe(false);
}

function takesShared(file: LockFile): boolean {
  const taken = file.tryShared();
  if (taken) file.unlock();
  return taken;
}

describe("a writer whose event loop is blocked", () => {
  it("prevents others from opening the file until lmdb has settled its commit", async () => {
    const writer = startHolder("stall");
    expect(await writer.line()).toBe("held");
    let isOpen = false;
    const opening = openCache().then((cache) => {
      isOpen = true;
      return cache;
    });
    await untilClosed();
    // The writer holds a shared lock that the opener waits for.
    const writers = await otherLock("writers");
    expect([takesShared(writers), writers.tryExclusive()]).toEqual([true, false]);
    expect(isOpen).toBe(false);
    writer.goOn();
    const cache = await opening;
    expect(cache.get("stalled")).toBeDefined();
    expect(await writer.line()).toBe("acknowledged");
  });

  it("lets others open the file once it was killed", async () => {
    const writer = startHolder("stall");
    expect(await writer.line()).toBe("held");
    const opening = openCache();
    await untilClosed();
    writer.kill();
    const cache = await opening;
    expect(await cache.insert("key", RECORD, PATIENT)).toBe("inserted");
    expect(cache.get("stalled")).toBeUndefined();
  });
});

describe("a process that opens the file", () => {
  it("delays writes, which fail with a certain outcome at their deadline", async () => {
    const cache = await openCache();
    const turnstile = await otherLock("turnstile");
    expect(turnstile.tryExclusive()).toBe(true);
    const late = cache.insert("late", RECORD, { ...FOR_LONG, timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: UNAVAILABLE });
    const patient = cache.insert("patient", RECORD, PATIENT);
    turnstile.unlock();
    expect(await patient).toBe("inserted");
    expect(cache.get("late")).toBeUndefined();
  });

  it("no longer delays writes once it was killed", async () => {
    const cache = await openCache();
    const opener = startHolder("opening");
    expect(await opener.line()).toBe("held");
    const inserting = cache.insert("key", RECORD, PATIENT);
    opener.kill();
    expect(await inserting).toBe("inserted");
  });

  it("waits for writers that have passed the turnstile, and not for later ones", async () => {
    const [turnstile, writers] = [await otherLock("turnstile"), await otherLock("writers")];
    expect(writers.tryShared()).toBe(true);
    const opening = openCache();
    await untilClosed();
    expect(takesShared(turnstile)).toBe(false);
    writers.unlock();
    await opening;
    expect(takesShared(turnstile)).toBe(true);
  });

  it("goes before further writes of a process that is already writing", async () => {
    const gate = new OpeningGate(path);
    await gate.openExclusively(() => undefined);
    closing.push(() => gate.close());
    expect(gate.enter()).toBe(true);
    const [turnstile, writers] = [await otherLock("turnstile"), await otherLock("writers")];
    expect(turnstile.tryExclusive()).toBe(true);
    expect(gate.enter()).toBe(false);
    expect(writers.tryExclusive()).toBe(false);
    gate.leave();
    expect(writers.tryExclusive()).toBe(true);
  });

  it("lets writers pass every second while one of them does not finish", async () => {
    const locks = await openLocks();
    const [turnstile, writers] = [await otherLock("turnstile"), await otherLock("writers")];
    writers.tryShared();
    useFakeTime();
    const waiting = locks.lockExclusively().catch((error: unknown) => error);
    let passed = 0;
    for (let ms = 0; ms < 5000; ms++) {
      await vi.advanceTimersByTimeAsync(1);
      if (takesShared(turnstile)) passed += 1;
    }
    expect(passed).toBeGreaterThanOrEqual(4);
    expect(passed).toBeLessThan(200);
    writers.unlock();
    await vi.advanceTimersByTimeAsync(1500);
    expect(await waiting).toBeUndefined();
  });

  it("gives up after 15 seconds, and releases its locks", async () => {
    const locks = await openLocks();
    const [turnstile, writers] = [await otherLock("turnstile"), await otherLock("writers")];
    writers.tryShared();
    useFakeTime();
    const waiting = thrownBy(() => locks.lockExclusively());
    await vi.advanceTimersByTimeAsync(14_900);
    writers.unlock();
    writers.tryShared();
    await vi.advanceTimersByTimeAsync(1200);
    expect(await waiting).toMatchObject({ message: expect.stringContaining("other processes") });
    expect(turnstile.tryExclusive()).toBe(true);
  });

  /** Also fakes the clock of deadlines. */
  function useFakeTime(): void {
    vi.useFakeTimers();
    vi.spyOn(performance, "now").mockImplementation(() => Date.now());
  }

  async function openLocks(): Promise<OpeningLocks> {
    mkdirSync(`${path}-gate`);
    const locks = new OpeningLocks(`${path}-gate`, await loadFileLocks());
    closing.push(() => locks.close());
    return locks;
  }
});

describe("the lock files of an environment", () => {
  it("are never opened through a symbolic link", async () => {
    const target = join(folder, "precious");
    writeFileSync(target, "as it was");
    mkdirSync(`${path}-gate`);
    symlinkSync(target, join(`${path}-gate`, "turnstile"));
    expect(await codeThrownBy(openCache)).toBe(UNAVAILABLE);
    expect(readFileSync(target, "utf8")).toBe("as it was");
  });

  it("are refused where another kind of file has their path", async () => {
    writeFileSync(`${path}-gate`, "in the way");
    const error = await thrownBy(openCache);
    expect(error).toMatchObject({ code: UNAVAILABLE });
    expect(String((error as Error).cause)).not.toContain(folder);
  });

  it("ignore files that earlier versions left in their folder", async () => {
    mkdirSync(`${path}-gate`);
    for (const name of ["opening", "writer-1-0"]) writeFileSync(join(`${path}-gate`, name), "");
    const cache = await openCache();
    expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
  });
});

describe("a caller's environment", () => {
  it("is opened while no other process writes or opens, within the opening lock", async () => {
    const writer = startHolder("stall");
    expect(await writer.line()).toBe("held");
    const opening = withOpeningLock(path, () =>
      lmdbCache(open({ path, overlappingSync: false, encoding: "binary" })),
    );
    await untilClosed();
    writer.goOn();
    const cache = await opening;
    closing.push(() => cache.close());
    expect(cache.get("stalled")).toBeDefined();
  });

  it("may be a folder, which must exist", async () => {
    const home = join(folder, "environment");
    expect(await codeThrownBy(() => withOpeningLock(home, () => 1))).toBe(UNAVAILABLE);
    mkdirSync(home);
    const environment = await withOpeningLock(home, () =>
      open({ path: home, overlappingSync: false }),
    );
    closing.push(() => environment.close());
    const cache = lmdbCache(environment);
    expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    await cache.close();
  });

  it("that cannot be opened fails with the caller's own error, and releases its locks", async () => {
    const mine = new Error("mine");
    const failing = withOpeningLock(path, () => Promise.reject(mine));
    expect(await thrownBy(() => failing)).toBe(mine);
    await openCache();
  });

  it("accepts writes again after all of its caches were closed", async () => {
    const environment = open({ path, overlappingSync: false });
    closing.push(() => environment.close());
    for (const key of ["one", "two"]) {
      const cache = lmdbCache(environment);
      expect(await cache.insert(key, RECORD, FOR_LONG)).toBe("inserted");
      await cache.close();
    }
  });

  it("delays the writes of its caches while another process opens the file", async () => {
    const environment = open({ path, overlappingSync: false });
    closing.push(() => environment.close());
    const cache = lmdbCache(environment);
    await cache.ready();
    const turnstile = await otherLock("turnstile");
    turnstile.tryExclusive();
    const late = cache.insert("late", RECORD, { ...FOR_LONG, timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: UNAVAILABLE });
    turnstile.unlock();
  });
});

describe("a process of another PID namespace", () => {
  const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const [unshare = "", ...flags] = UNSHARE;
  const isPermitted = spawnSync(unshare, [...flags, "true"]).status === 0;
  const NOT_PERMITTED = "PID namespaces cannot be made here: run as root on Linux, with util-linux";

  it("cannot open the file while one of this namespace has it open", async ({ skip }) => {
    if (!isPermitted) return skip(NOT_PERMITTED);
    const cache = await openLmdbCache(path);
    expect(await startHolder("open", UNSHARE).line()).toBe("several-pid-namespaces");
    await cache.insert("key", RECORD, FOR_LONG);
    await cache.close();
    expect(await startHolder("open", UNSHARE).line()).toBe("held");
  });

  it("excludes processes of this one until it closes the file", async ({ skip }) => {
    if (!isPermitted) return skip(NOT_PERMITTED);
    const there = startHolder("open", UNSHARE);
    expect(await there.line()).toBe("held");
    expect(await thrownBy(openCache)).toMatchObject({ reason: "several-pid-namespaces" });
    const environment = open({ path, overlappingSync: false });
    const wrapped = async () => lmdbCache(environment).ready();
    expect(await thrownBy(wrapped)).toMatchObject({ reason: "several-pid-namespaces" });
    await environment.close();
    there.goOn();
    expect(await there.line()).toBeUndefined();
    await openCache();
  });
});

describe("without the package fs-native-extensions", () => {
  it.each([
    ["is not installed", "ERR_VAULT_PEER_MISSING", undefined],
    ["does not load", "ERR_VAULT_PEER_BROKEN", 'throw new Error("no binary for this system");'],
  ])("opening is refused if it %s", async (_, code, source) => {
    const packages = join(folder, "node_modules");
    const compiled = compiledChild("src");
    cpSync(compiled, join(folder, "src"), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    mkdirSync(packages);
    symlinkSync(join(import.meta.dirname, "../../node_modules/lmdb"), join(packages, "lmdb"));
    if (source !== undefined) {
      mkdirSync(join(packages, "fs-native-extensions"));
      writeFileSync(join(packages, "fs-native-extensions", "index.js"), source);
    }
    const script = `
      import { openLmdbCache, lmdbCache } from "./src/cache/lmdb.js";
      import { open } from "lmdb";
      const wrapped = lmdbCache(open({ path: "mine.mdb", overlappingSync: false }));
      const calls = [() => openLmdbCache("vault.lmdb"), () => wrapped.ready(),
        () => wrapped.insert("key", { head: Buffer.alloc(1) }, { purgeAfterMs: 1000 })];
      for (const call of calls) {
        await call().then(console.log, ({ code, peer }) => console.log(code, peer));
      }`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stdout).toBe(`${code} fs-native-extensions\n`.repeat(3));
  });
});
