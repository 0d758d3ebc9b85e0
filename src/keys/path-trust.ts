/**
 * Opens a file only if no user except root and the user of this process can change which file the path leads
 * to.
 */
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

/** The maximum number of symbolic links on a path, as in Linux. */
const MAX_LINKS = 40;
/** The number of attempts: a container platform may replace a mount while it is being opened. */
const MAX_ATTEMPTS = 3;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const ROOT_USER = 0;

/** The metadata of a path, without following a link in its last part. */
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
  /** Returns the metadata of a path; throws if it does not exist or is not accessible. */
  readonly entryAt: (path: string) => PathEntry;
  readonly targetOf: (link: string) => string;
}

/**
 * The reason why a file was not opened: it is not accessible, other users can replace it, or it was replaced
 * during every attempt.
 */
export type Refusal = "absent" | "replaceable" | "replaced";

/** A path without links, and its metadata. */
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

/** Returns a descriptor of the file that an absolute path leads to, or the reason why it was not opened. */
export function openTrusted(path: string, view: PathView = fileSystem): number | Refusal {
  let refusal: Refusal = "absent";
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const opened = openOnce(path, view);
    if (typeof opened === "number" || opened === "replaceable") return opened;
    refusal = opened;
  }
  return refusal;
}

/** Returns whether only root and the user of this process own and can change a file or folder. */
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
    // The error is dropped, because Node's errors contain the path.
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

/** Resolves a path part by part as the kernel does, and stops at a part that other users can change. */
class TrustedWalk {
  readonly #view: PathView;
  #parts: string[] = [];
  #links = 0;

  constructor(view: PathView) {
    this.#view = view;
  }

  /**
   * Returns the target of a path; `undefined` if other users can change the target. Throws if the target does
   * not exist.
   */
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

  /** Replaces a link by the parts of its target in the remaining path; returns the target. */
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

  /**
   * Returns whether only trusted users can replace an entry of the path. In a sticky folder, only the owner
   * of an entry can replace it, and every entry on the path is checked separately.
   */
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
