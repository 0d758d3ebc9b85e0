/** The page and its chart: plain HTML and SVG, with nothing to load and nothing to run. */
import type { Quarter } from "./scene.js";

const TITLE = "Revenue and costs by quarter, in thousands of euros";
const HEIGHT = 240;
const WIDTH = 560;
const BAR = 44;
const SERIES = [
  { name: "revenue", colour: "#2f6f8f" },
  { name: "costs", colour: "#d98e4a" },
] as const;

const STYLE = `
  body { font: 16px/1.6 system-ui, sans-serif; color: #223; max-width: 40rem; margin: 3rem auto; }
  h1 { font-weight: 600; letter-spacing: -0.02em; }
  blockquote { margin: 1.5rem 0; padding-left: 1rem; border-left: 3px solid #2f6f8f; color: #556; }
  figure { margin: 2rem 0; }
  figcaption { color: #556; font-size: 0.9rem; }
  svg { width: 100%; font: 12px system-ui, sans-serif; fill: #445; }`;

/** Returns a chart of numbers; whatever is no number becomes none. */
export function drawChart(quarters: readonly Quarter[]): string {
  const largest = Math.max(...quarters.map(({ revenue }) => revenue));
  const groups = quarters.map((quarter, index) => {
    const left = 30 + (index * WIDTH) / quarters.length;
    const bars = SERIES.map(({ name, colour }, series) => {
      const height = Math.round((Number(quarter[name]) / largest) * HEIGHT);
      const x = left + series * BAR;
      return `<rect x="${x}" y="${HEIGHT + 20 - height}" width="${BAR - 4}" height="${height}" rx="3" fill="${colour}"/>
        <text x="${x + BAR / 2 - 2}" y="${HEIGHT + 14 - height}" text-anchor="middle">${Number(quarter[name])}</text>`;
    });
    return `${bars.join("\n")}<text x="${left + BAR - 2}" y="${HEIGHT + 38}" text-anchor="middle">Q${index + 1}</text>`;
  });
  const legend = SERIES.map(
    ({ name, colour }) => `<span style="color: ${colour}">■</span> ${name}`,
  );
  return `<figure>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT + 50}" role="img" aria-label="${TITLE}">${groups.join("\n")}</svg>
    <figcaption>${TITLE}: ${legend.join(" ")}</figcaption>
  </figure>`;
}

/** Returns a whole page. Its policy lets it load and run nothing, should an escape ever be missed. */
export function pageOf(report: string, chart: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>Quarterly report</title>
    <style>${STYLE}</style>
  </head>
  <body>${report}${chart}</body>
</html>
`;
}
