/**
 * What replaces a part of `src/primitives/timers.ts` in tests that advance fake timers up to a bound of the
 * library: functions that look up the globals at each call.
 */
export function setTimeout(work: () => void, milliseconds: number): NodeJS.Timeout {
  return globalThis.setTimeout(work, milliseconds);
}

export function clearTimeout(timer: NodeJS.Timeout | undefined): void {
  globalThis.clearTimeout(timer);
}
