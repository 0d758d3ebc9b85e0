import { setFlagsFromString } from "node:v8";
import { expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";

it("a new vault restores the speed of string methods after a class has extended String", () => {
  setFlagsFromString("--allow-natives-syntax");
  const areFast = new Function("return %HasFastProperties(String.prototype)") as () => boolean;
  // Only the first such class in a process slows string methods down.
  class Heir extends String {}
  expect(new Heir("text").at(0)).toBe("t");
  expect(areFast()).toBe(false);
  new HandleVault();
  expect(areFast()).toBe(true);
});
