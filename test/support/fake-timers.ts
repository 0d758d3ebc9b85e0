/** Fake timers as test runners install them. Nothing advances them. */
import { onTestFinished, vi } from "vitest";

type Faked = NonNullable<NonNullable<Parameters<typeof vi.useFakeTimers>[0]>["toFake"]>;

/** All timers except `process.nextTick`, which Node's sockets and packages that use them need. */
const FAKED: Faked = [
  ...(["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const),
  ...(["setImmediate", "clearImmediate", "queueMicrotask"] as const),
  ...(["Date", "performance", "hrtime"] as const),
];

/** Fakes all timers that the library and its peers may wait for, until the test has finished. */
export function fakeTimers(): void {
  vi.useFakeTimers({ toFake: FAKED });
  onTestFinished(() => void vi.useRealTimers());
}
