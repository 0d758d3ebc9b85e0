/** The part of the package that is called; it has no declarations of its own. */
declare module "fs-native-extensions" {
  interface LockOptions {
    readonly shared?: boolean;
  }
  /** Returns false while another open file description holds a conflicting lock. */
  export function tryLock(
    fd: number,
    offset: number,
    length: number,
    options: LockOptions,
  ): boolean;
  export function unlock(fd: number, offset: number, length: number): void;
}
