import { setFlagsFromString } from "node:v8";
import { expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";

it("a new vault makes the methods of texts fast again, where a class that extends them made them slow", () => {
  setFlagsFromString("--allow-natives-syntax");
  const areFast = new Function("return %HasFastProperties(String.prototype)") as () => boolean;
  // The first of its kind in the process: only that one makes them slow.
  class Heir extends String {}
  expect(new Heir("text").at(0)).toBe("t");
  expect(areFast()).toBe(false);
  new HandleVault();
  expect(areFast()).toBe(true);
});
