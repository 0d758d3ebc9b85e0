/** Fake timers as test runners install them, which nothing ever advances. */
import { onTestFinished, vi } from "vitest";

type Faked = NonNullable<NonNullable<Parameters<typeof vi.useFakeTimers>[0]>["toFake"]>;

/** All but `process.nextTick`, which the sockets of Node and the packages over them need. */
const FAKED: Faked = [
  ...(["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const),
  ...(["setImmediate", "clearImmediate", "queueMicrotask"] as const),
  ...(["Date", "performance", "hrtime"] as const),
];

/** Fakes all that the library and its peers may wait on, until the test has finished. */
export function fakeTimers(): void {
  vi.useFakeTimers({ toFake: FAKED });
  onTestFinished(() => void vi.useRealTimers());
}
