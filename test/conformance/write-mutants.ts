/** Caches with a fault in reading or writing, by the law that detects the fault. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { CacheUnavailableError, OutcomeUnknownError } from "../../src/errors.js";
import type { CacheBackend } from "../../src/index.js";
import {
  change,
  keepingBodies,
  lookingBeforeWriting,
  revisionNow,
  withKeys,
} from "./mutant-parts.js";
import type { Mutant } from "./shared-cache.js";

export const writeMutants: Readonly<Record<string, Mutant>> = {
  "a record reads back byte for byte": (sound) => ({
    insert: (key, { head, body }, options) =>
      sound.insert(key, { head: Buffer.from(Buffer.from(head).toString("utf8")), body }, options),
  }),
  "a body of a mebibyte reads back byte for byte": (sound) => ({
    insert: (key, { head, body }, options) =>
      sound.insert(key, { head, body: body?.subarray(0, 1_000_000) }, options),
  }),
  "a view into a larger buffer is stored as what it shows": (sound) => ({
    insert: (key, { head, body }, options) =>
      sound.insert(key, { head: new Uint8Array(head.buffer), body }, options),
  }),
  "hasBody is true exactly when there is a body": (sound) => ({
    get: async (key) => change(await sound.get(key), { hasBody: true }),
  }),
  "a missing key is undefined and not an error": (sound) => ({
    get: async (key) => (await sound.get(key)) ?? "evicted",
  }),
  "an insert never overwrites": (sound) => ({
    insert: async (key, record, options) => {
      await sound.delete(key);
      return sound.insert(key, record, options);
    },
  }),
  "of concurrent inserts of one key exactly one succeeds": (sound) => ({
    insert: async (key, record, options) => {
      if ((await sound.get(key)) !== undefined) return "exists";
      await nextTurn();
      await sound.delete(key);
      return sound.insert(key, record, options);
    },
  }),
  "the caller may reuse the buffer of a head once a write has settled": (sound) => {
    const heads = new Map<string, Uint8Array>();
    return {
      insert: (key, record, options) => {
        heads.set(key, record.head);
        return sound.insert(key, record, options);
      },
      get: async (key) => {
        const head = heads.get(key);
        return change(await sound.get(key), head === undefined ? {} : { head });
      },
    };
  },
  "what was returned stays the same when the cache changes": (sound) => {
    const page = Buffer.alloc(2 ** 20);
    return {
      get: async (key) => {
        const entry = await sound.get(key);
        if (typeof entry !== "object") return entry;
        page.set(entry.head);
        return change(entry, { head: page.subarray(0, entry.head.length) });
      },
    };
  },
  "a body that was handed over is not changed": (sound) => {
    const bodies = new Map<string, Uint8Array | undefined>();
    return {
      insert: (key, record, options) => {
        bodies.set(key, record.body);
        return sound.insert(key, record, options);
      },
      delete: (key) => {
        bodies.get(key)?.fill(0);
        return sound.delete(key);
      },
    };
  },
  "a record stays as it is, however much comes and goes around it": (sound) => {
    const keys: string[] = [];
    return {
      insert: async (key, record, options) => {
        const oldest = keys.push(key) > 1000 ? keys.shift() : undefined;
        if (oldest !== undefined) await sound.delete(oldest);
        return sound.insert(key, record, options);
      },
    };
  },
  "a delete removes head and body and says whether there was a record": (sound) => ({
    delete: async (key) => (await sound.delete(key)) || true,
  }),
  "of concurrent deletes exactly one finds the record": (sound) => ({
    delete: async (key) => {
      const isThere = (await sound.get(key)) !== undefined;
      await nextTurn();
      await sound.delete(key);
      return isThere;
    },
  }),
  "a deleted key is free, and nothing of its old record returns": keepingBodies,

  "pattern characters, separators and every script are ordinary in a key": (sound) =>
    withKeys(sound, (key) => key.replace(/[*?%_\\[\]]/g, "")),
  "a key that begins another, or looks like it, is another key": (sound) =>
    withKeys(sound, (key) => key.normalize("NFC")),
  "a long key counts to its last character": (sound) => withKeys(sound, (key) => key.slice(0, 255)),

  "a revision is new with every write, and the same until the next": (sound) => {
    const digest = (head: Uint8Array) => Buffer.from(head).toString("hex");
    return {
      get: async (key) => {
        const entry = await sound.get(key);
        return typeof entry === "object" ? change(entry, { revision: digest(entry.head) }) : entry;
      },
      replace: async (key, head, options) => {
        const entry = await sound.get(key);
        if (typeof entry !== "object") return "absent";
        if (digest(entry.head) !== options.ifRevision) return "conflict";
        return sound.replace(key, head, { ...options, ifRevision: entry.revision });
      },
    };
  },
  "a replace of the current state changes the head and keeps the body": (sound) => ({
    replace: (key, head, options) => sound.replace(key, head, { ...options, dropBody: true }),
  }),
  "a replace of an older state conflicts and changes nothing": (sound) => ({
    replace: async (key, head, options) =>
      sound.replace(key, head, { ...options, ifRevision: await revisionNow(sound, key) }),
  }),
  "a replace of a state that never was conflicts and changes nothing": (sound) => ({
    replace: async (key, head, options) => {
      const isNumber = Number.isFinite(Number(options.ifRevision));
      const ifRevision = isNumber ? options.ifRevision : await revisionNow(sound, key);
      return sound.replace(key, head, { ...options, ifRevision });
    },
  }),
  "a replace of a missing record is answered absent and stores nothing": (sound) => ({
    replace: async (key, head, options) => {
      const outcome = await sound.replace(key, head, options);
      if (outcome === "absent" && head !== undefined) {
        await sound.insert(key, { head }, { purgeAfterMs: 1000 });
      }
      return outcome;
    },
  }),
  "dropBody removes the body with the same write": (sound) => ({
    replace: (key, head, options) => sound.replace(key, head, { ...options, dropBody: false }),
  }),
  "a replace by nothing deletes exactly the state it names": (sound) => ({
    replace: async (key, head, options) => {
      if (head !== undefined) return sound.replace(key, head, options);
      return (await sound.delete(key)) ? "replaced" : "absent";
    },
  }),
  "of concurrent replaces of one state exactly one wins": lookingBeforeWriting,
  "of a concurrent replace and deletion of one state exactly one wins": lookingBeforeWriting,
  "a call that was given up before it began fails as unavailable and changes nothing": (sound) => ({
    insert: (key, record, { purgeAfterMs }) => sound.insert(key, record, { purgeAfterMs }),
  }),
  "a call that is given up while it is under way ends, one way or the other": (sound) => ({
    insert: async (key, record, { purgeAfterMs, signal }) => {
      await nextTurn();
      const outcome = await sound.insert(key, record, { purgeAfterMs });
      if (signal?.aborted) throw new CacheUnavailableError();
      return outcome;
    },
  }),
  "the caller may reuse the buffer of a head once a write was given up": (sound) => ({
    insert: async (key, record, { purgeAfterMs, signal }) => {
      const write = () => sound.insert(key, record, { purgeAfterMs });
      await Promise.resolve();
      if (!signal?.aborted) return write();
      setImmediate(write);
      throw new OutcomeUnknownError();
    },
  }),
  "of many writes at the same moment each does what its answer says": (sound) => {
    let shared: ReturnType<CacheBackend["insert"]> | undefined;
    return {
      insert: async (key, record, options) => {
        const own = sound.insert(key, record, options);
        shared ??= own;
        const answer = await shared;
        await nextTurn();
        shared = undefined;
        return answer;
      },
    };
  },
};
