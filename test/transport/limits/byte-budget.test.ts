import { describe, expect, it } from "vitest";
import { ByteBudget, Reservation } from "../../../src/transport/limits/byte-budget.js";

const [ONE, OTHER] = [{}, {}];

describe("an allowance", () => {
  it("grants an amount that is available, and counts existing amounts even above the limit", () => {
    const room = new ByteBudget(10);
    expect([room.take(10), room.take(1), room.isOverdrawn]).toEqual([true, false, false]);
    room.draw(5);
    expect([room.used, room.isOverdrawn]).toEqual([15, true]);
  });

  it("lets one user that holds a part finish above the limit, and no other until it has", () => {
    const room = new ByteBudget(10);
    room.draw(10);
    expect([
      room.reserveRest(4, ONE),
      room.reserveRest(4, OTHER),
      room.reserveRest(4, ONE),
    ]).toEqual([true, false, true]);
    room.finished(OTHER);
    expect(room.reserveRest(4, OTHER)).toBe(false);
    room.finished(ONE);
    // The first user must first release the amount that it holds above the limit.
    expect(room.reserveRest(4, OTHER)).toBe(false);
    room.giveBack(8);
    expect(room.reserveRest(4, OTHER)).toBe(true);
  });

  it("notifies waiting users once an amount is released, and no users that have stopped waiting", () => {
    const room = new ByteBudget(1);
    const called: string[] = [];
    const left = (): number => called.push("left");
    room.whenGivenBack(() => called.push("stayed"));
    room.whenGivenBack(left);
    room.forget(left);
    room.take(1);
    room.giveBack(1);
    room.giveBack(0);
    expect(called).toEqual(["stayed"]);
  });
});

it("a share releases its taken and drawn amounts exactly once", () => {
  const room = new ByteBudget(10);
  const share = new Reservation(room);
  expect([share.take(6), share.take(6)]).toEqual([true, false]);
  share.draw(6);
  expect(room.used).toBe(12);
  share.giveBack();
  share.giveBack();
  expect(room.used).toBe(0);
});
