/** A file that does nothing but take up room, to be given up when there is none left. */
import { randomBytes } from "node:crypto";
import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { hasCode } from "./database-file.js";

/** How large it is, in bytes: dozens of removals. */
export const RESERVE_FILE_BYTES: number = 2 ** 21;

/** The reserve beside a database; all processes that have the database open share it. */
export class ReserveFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Tells whether the whole of it is there; what cannot be seen is not. */
  get isThere(): boolean {
    try {
      const status = lstatSync(this.#path, { throwIfNoEntry: false });
      return status?.isFile() === true && status.size >= RESERVE_FILE_BYTES;
    } catch {
      return false;
    }
  }

  /** Puts it there; tells whether there was room. */
  restore(): boolean {
    if (this.isThere) return true;
    try {
      this.drop();
      // Random bytes: some file systems do not store zeros, or repetitions.
      writeFileSync(this.#path, randomBytes(RESERVE_FILE_BYTES), { flag: "wx", mode: 0o600 });
      return true;
    } catch (error) {
      // Another process is putting it there; half of one would only be in the way.
      if (!hasCode(error, "EEXIST")) this.drop();
      return false;
    }
  }

  /** Gives up its room, if it can be removed. */
  drop(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // The room that is missing then shows when the write is tried again.
    }
  }
}
