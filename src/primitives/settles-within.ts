import { clearTimeout, setTimeout } from "./timers.js";

/** Waits for a promise, at most `ms` milliseconds. Returns whether it resolved or rejected in that time. */
export async function settlesWithin(ms: number, event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const happened = event.then(
    () => true,
    () => true,
  );
  const isInTime = await Promise.race([happened, late]);
  clearTimeout(timer);
  return isInTime;
}
