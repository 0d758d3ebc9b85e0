/** A file that reserves disk space: it is deleted when the disk is full, so that records can be removed. */
import { randomBytes } from "node:crypto";
import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { hasCode } from "./database-file.js";

/** The size of the file, in bytes: enough for dozens of removals. */
export const RESERVE_FILE_BYTES: number = 2 ** 21;

/** The reserve file beside a database. All processes that open the database share it. */
export class ReserveFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Returns whether the file exists in full size; false if its status cannot be read. */
  get isThere(): boolean {
    try {
      const status = lstatSync(this.#path, { throwIfNoEntry: false });
      return status?.isFile() === true && status.size >= RESERVE_FILE_BYTES;
    } catch {
      return false;
    }
  }

  /** Creates the file unless it exists. Returns whether there was space for it. */
  restore(): boolean {
    if (this.isThere) return true;
    try {
      this.drop();
      // Random bytes: some file systems do not store zeros, or repetitions.
      writeFileSync(this.#path, randomBytes(RESERVE_FILE_BYTES), { flag: "wx", mode: 0o600 });
      return true;
    } catch (error) {
      // On EEXIST another process is creating the file. Otherwise a partial file would only waste space.
      if (!hasCode(error, "EEXIST")) this.drop();
      return false;
    }
  }

  /** Deletes the file, if possible. */
  drop(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // The space is still missing, so the write fails again when it is retried.
    }
  }
}
