/** Opens a file only if nobody but root and the user of this process decides which file a path leads to. */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
} from "node:fs";
import { join } from "node:path";

/** As many symbolic links as Linux follows on one path. */
const MAX_LINKS = 40;
/** A mount may be replaced while it is being opened. */
const MAX_ATTEMPTS = 3;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const ROOT_USER = 0;

/** What is at a path, its own links not followed. */
export interface PathEntry {
  readonly kind: "folder" | "link" | "other";
  readonly mode: number;
  readonly uid: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** A view of a file system by the user of this process. */
export interface PathView {
  readonly user: number | undefined;
  /** Returns what is at a path; throws if nothing is, or it cannot be seen. */
  readonly entryAt: (path: string) => PathEntry;
  readonly targetOf: (link: string) => string;
}

/**
 * Why a file was not opened: it cannot be reached, others can put another in its place, or another was in its
 * place each time.
 */
export type Refusal = "absent" | "replaceable" | "replaced";

/** A place without links on its way, and what is there. */
interface Place {
  readonly path: string;
  readonly entry: PathEntry;
}

const fileSystem: PathView = {
  get user() {
    return process.geteuid?.();
  },
  entryAt: (path) => asEntry(lstatSync(path, { bigint: true })),
  targetOf: (link) => readlinkSync(link),
};

/** Returns the descriptor of the file that an absolute path leads to. */
export function openTrusted(path: string, view: PathView = fileSystem): number | Refusal {
  let refusal: Refusal = "absent";
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const opened = openOnce(path, view);
    if (typeof opened === "number" || opened === "replaceable") return opened;
    refusal = opened;
  }
  return refusal;
}

/** Whether only root and the user of this process own and change a file or folder. */
export function isKept(
  { mode, uid }: Pick<PathEntry, "mode" | "uid">,
  user: number | undefined = fileSystem.user,
): boolean {
  return (mode & WRITABLE_BY_OTHERS) === 0 && isTrusted(uid, user);
}

function openOnce(path: string, view: PathView): number | Refusal {
  try {
    const place = new TrustedWalk(view).follow(path);
    return place === undefined ? "replaceable" : openPlace(place);
  } catch {
    // The errors of Node carry the path.
    return "absent";
  }
}

function openPlace({ path, entry }: Place): number | Refusal {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const { dev, ino } = fstatSync(file, { bigint: true });
  if (dev === entry.dev && ino === entry.ino) return file;
  closeSync(file);
  return "replaced";
}

/** Looks a path up as the kernel does, part by part, and ends where others decide how it goes on. */
class TrustedWalk {
  readonly #view: PathView;
  #parts: string[] = [];
  #links = 0;

  constructor(view: PathView) {
    this.#view = view;
  }

  /** Returns where a path ends, or `undefined` if others can change that; throws if it ends nowhere. */
  follow(path: string): Place | undefined {
    this.#parts = path.split("/");
    let place = this.#placeAt("/");
    for (;;) {
      if (!this.#isSafe(place.entry)) return undefined;
      const part = this.#parts.shift();
      if (part === undefined) return place;
      if (place.entry.kind === "other") throw new Error("the path goes on behind a file");
      const next = this.#placeAt(join(place.path, part));
      if (next.entry.kind !== "link") place = next;
      else if (!isTrusted(next.entry.uid, this.#view.user)) return undefined;
      else if (this.#followLink(next.path).startsWith("/")) place = this.#placeAt("/");
    }
  }

  /** Puts the parts of a link's target before those that are left; returns the target. */
  #followLink(link: string): string {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw new Error("the path has too many links");
    const target = this.#view.targetOf(link);
    this.#parts.unshift(...target.split("/"));
    return target;
  }

  #placeAt(path: string): Place {
    return { path, entry: this.#view.entryAt(path) };
  }

  /** In a sticky folder, only owners replace what is in it; and each entry on the way is looked at, too. */
  #isSafe({ kind, mode, uid }: PathEntry): boolean {
    if (kind === "other") return isTrusted(uid, this.#view.user);
    return isKept({ mode, uid }, this.#view.user) || this.#isTrustedSticky({ mode, uid });
  }

  #isTrustedSticky({ mode, uid }: Pick<PathEntry, "mode" | "uid">): boolean {
    return (mode & STICKY) !== 0 && isTrusted(uid, this.#view.user);
  }
}

function isTrusted(uid: number, user: number | undefined): boolean {
  return uid === ROOT_USER || uid === user;
}

function asEntry(stats: BigIntStats): PathEntry {
  const { dev, ino } = stats;
  return { kind: kindOf(stats), mode: Number(stats.mode), uid: Number(stats.uid), dev, ino };
}

function kindOf(stats: BigIntStats): PathEntry["kind"] {
  if (stats.isDirectory()) return "folder";
  return stats.isSymbolicLink() ? "link" : "other";
}
