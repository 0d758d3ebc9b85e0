/** Runs a task for each number below `count`, with `inFlight` of them running concurrently. */
export async function inBatches(
  count: number,
  inFlight: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await task(index);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}
