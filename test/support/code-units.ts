import fc from "fast-check";

/** Any code unit of a string, halves of surrogate pairs among them. */
export const anyCodeUnit: fc.Arbitrary<string> = fc
  .nat(0xffff)
  .map((unit) => String.fromCharCode(unit));
