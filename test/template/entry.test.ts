import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as errors from "../../src/errors.js";
import * as template from "../../src/template.js";

const PAGE = join(import.meta.dirname, "../../docs/templates.md");

describe("handlevault/template", () => {
  it("has exactly these exports", () => {
    expect(Object.keys(template).toSorted()).toEqual([
      "HydrationError",
      "OutputValidationError",
      "TemplateEngine",
      "anthropicDeltas",
      "denyPatterns",
      "findReferences",
      "hydrateByteStream",
      "hydrateDeltas",
      "hydrateServerSentEvents",
      "hydrateStream",
      "hydrateValue",
      "lengthWithin",
      "matchesSchema",
      "openAiDeltas",
      "toTag",
    ]);
  });

  it("is described completely in docs/templates.md", () => {
    const page = readFileSync(PAGE, "utf8");
    for (const name of Object.keys(template)) expect(page).toContain(name);
  });

  it("throws the errors of handlevault/errors", () => {
    expect(template.HydrationError).toBe(errors.HydrationError);
    expect(template.OutputValidationError).toBe(errors.OutputValidationError);
  });
});
