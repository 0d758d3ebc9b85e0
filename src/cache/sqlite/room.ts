/** What a write needs besides the database: room on its disk. */

/** The room on the disk. */
export interface Room {
  /** Told that a transaction with inserts of so many bytes is about to begin, before they are admitted. */
  onBatch(bytes: number): void;
  /** Tells whether there is room for so many bytes more. */
  admits(bytes: number): boolean;
  /** Gives up what was kept in reserve for removals. */
  release(): void;
  /** Told of bytes that were committed. */
  onCommitted(bytes: number): void;
  /** Told that there was less room than it thought. */
  onFull(): void;
}

/** The room of a database whose disk is not watched. */
export const UNBOUNDED: Room = {
  onBatch: () => {},
  admits: () => true,
  release: () => {},
  onCommitted: () => {},
  onFull: () => {},
};
