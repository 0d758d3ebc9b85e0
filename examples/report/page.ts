/** The page and its chart: plain HTML and SVG, without external resources and scripts. */
import type { Quarter } from "./scene.js";

const TITLE = "Revenue and costs by quarter, in thousands of euros";
const WIDTH = 420;
/** The height of the highest bar, and the base line of all bars. */
const HEIGHT = 200;
const GROUND = HEIGHT + 20;
const BAR = 40;
const GAP = 4;
const SERIES = ["revenue", "costs"] as const;
type Series = (typeof SERIES)[number];

const STYLE = `
  :root { color-scheme: light dark; --text: #223; --faint: #556; --line: #ccd; --revenue: #2f6f8f; --costs: #d98e4a; }
  @media (prefers-color-scheme: dark) {
    :root { --text: #e8e8f0; --faint: #a8a8b8; --line: #445; --revenue: #5fa8cb; --costs: #e0a065; background: #181820; }
  }
  body {
    font: 16px/1.6 system-ui, sans-serif; color: var(--text); overflow-wrap: anywhere;
    max-width: 40rem; margin: 0 auto; padding: clamp(1rem, 5vw, 3rem);
  }
  h1 { font-weight: 600; line-height: 1.25; letter-spacing: -0.02em; }
  blockquote { margin: 1.5rem 0; padding-left: 1rem; border-left: 3px solid var(--revenue); color: var(--faint); }
  figure { margin: 2rem 0; }
  figcaption { color: var(--faint); font-size: 0.9rem; }
  svg { display: block; width: 100%; max-width: 32rem; font: 13px system-ui, sans-serif; fill: var(--text); text-anchor: middle; }
  line { stroke: var(--line); }
  .revenue { fill: var(--revenue); color: var(--revenue); }
  .costs { fill: var(--costs); color: var(--costs); }`;

/** Returns a chart of numbers. Other values are ignored. */
export function drawChart(quarters: readonly Quarter[]): string {
  const highest = Math.max(1, ...quarters.flatMap((quarter) => SERIES.map(figureOf(quarter))));
  const groups = quarters.map((quarter, index) => {
    const middle = ((index + 0.5) * WIDTH) / quarters.length;
    const bars = SERIES.map((series, place) => {
      const figure = figureOf(quarter)(series);
      const height = Math.round((figure / highest) * HEIGHT);
      const x = middle + GAP / 2 + (place - 1) * (BAR + GAP);
      return `<rect class="${series}" x="${x}" y="${GROUND - height}" width="${BAR}" height="${height}"/>
        <text x="${x + BAR / 2}" y="${GROUND - height - 6}">${figure}</text>`;
    });
    return `${bars.join("\n")}<text x="${middle}" y="${GROUND + 20}">Q${index + 1}</text>`;
  });
  const legend = SERIES.map((series) => `<span class="${series}">■</span> ${series}`);
  return `<figure>
    <svg viewBox="0 0 ${WIDTH} ${GROUND + 30}" role="img" aria-label="${TITLE}">
      ${groups.join("\n")}
      <line x1="0" y1="${GROUND}" x2="${WIDTH}" y2="${GROUND}"/>
    </svg>
    <figcaption>${TITLE}: ${legend.join(" ")}</figcaption>
  </figure>`;
}

function figureOf(quarter: Quarter): (series: Series) => number {
  return (series) => Math.max(0, Number(quarter[series]) || 0);
}

/** Returns a complete page. Its policy forbids resources and scripts, in case an escape is missing. */
export function pageOf(report: string, chart: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>Quarterly report</title>
    <style>${STYLE}</style>
  </head>
  <body>${report}${chart}</body>
</html>
`;
}
