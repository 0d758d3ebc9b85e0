import fc from "fast-check";

/** Any UTF-16 code unit, including halves of surrogate pairs. */
export const anyCodeUnit: fc.Arbitrary<string> = fc
  .nat(0xffff)
  .map((unit) => String.fromCharCode(unit));
