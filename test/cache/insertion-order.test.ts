import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { InsertionOrder } from "../../src/cache/insertion-order.js";

afterEach(() => void vi.restoreAllMocks());

/** Returns every page of a scan; `between` is called after each. */
function pagesOf(order: InsertionOrder, maxKeys: number, between = () => {}): string[][] {
  const pages: string[][] = [];
  for (let position: ReturnType<typeof order.start> | undefined = order.start(); position; ) {
    const { keys, next } = order.page(position, maxKeys);
    pages.push([...keys]);
    position = next;
    between();
  }
  return pages;
}

function filled(count: number) {
  const order = new InsertionOrder();
  const insertions = Array.from({ length: count }, (_, index) => order.add(`key ${index}`));
  return { order, insertions };
}

describe("the order of insertion", () => {
  it("is the order of a scan, whatever was removed", () => {
    const removed = fc.array(fc.boolean(), { maxLength: 300, size: "max" });
    fc.assert(
      fc.property(removed, fc.integer({ min: 1, max: 100 }), (list, maxKeys) => {
        const { order, insertions } = filled(list.length);
        for (const [index, isRemoved] of list.entries()) {
          if (isRemoved) order.delete(insertions[index] ?? 0);
        }
        const kept = [...list.keys()].filter((index) => list[index] !== true);
        expect(pagesOf(order, maxKeys).flat()).toEqual(kept.map((index) => `key ${index}`));
      }),
    );
  });

  it("returns full pages, except for the last one", () => {
    const sizes = pagesOf(filled(250).order, 100).map(({ length }) => length);
    expect(sizes).toEqual([100, 100, 50]);
  });

  it("lets a scan end although writers insert faster than it reads", () => {
    const { order } = filled(100);
    const pages = pagesOf(order, 10, () => {
      for (let count = 0; count < 50; count++) order.add("new");
    });
    expect(pages.flat()).toEqual(Array.from({ length: 100 }, (_, index) => `key ${index}`));
  });

  it("continues after keys that were removed since the last page", () => {
    const { order, insertions } = filled(1000);
    const { keys, next } = order.page(order.start(), 100);
    for (const insertion of insertions.slice(0, 900)) order.delete(insertion);
    expect(keys).toHaveLength(100);
    expect(order.page(next ?? order.start(), 1000).keys).toHaveLength(100);
  });

  it("is empty after it was cleared", () => {
    const { order } = filled(3);
    order.clear();
    expect(pagesOf(order, 10)).toEqual([[]]);
  });

  it("keeps little memory for a few remaining keys of very many", () => {
    const { order, insertions } = filled(200_000);
    for (const [index, insertion] of insertions.entries()) {
      if (index % 2000 !== 0) order.delete(insertion);
    }
    const looks = vi.spyOn(Map.prototype, "get");
    expect(order.page(order.start(), 1000).keys).toHaveLength(100);
    expect(looks.mock.calls.length).toBeLessThanOrEqual(300);
  });
});
