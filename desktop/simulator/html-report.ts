import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { Violation } from "./checkers.js";
import { bands, escaped, plot, table } from "./html-plots.js";
import { FARES, type RunHistory } from "./run-history.js";
import { bytesText, countText, plural } from "./text.js";

/** What a report as a page shows of a run. */
export interface RunSummary {
  title: string;
  /** What was simulated, one line each. */
  lines: readonly string[];
  /** The command that runs exactly this again. */
  command: string;
  agreed: boolean;
  verdict: string;
  /** Names and values. */
  figures: readonly (readonly [string, string])[];
  violationCount: number;
  violations: readonly Violation[];
}

/** Up to 500 bands of 360 columns: about 1.5 MB when each column of each band differs, as a rule far less. */
export function writeHtmlReport(file: string, summary: RunSummary, history: RunHistory): void {
  writeFileSync(file, htmlReport(summary, history));
}

/** One page that needs nothing else: no script, nothing from anywhere. */
export function htmlReport(summary: RunSummary, history: RunHistory): string {
  const { title, lines, command, agreed, verdict, figures } = summary;
  const { columns, names } = history;
  const each = (value: (column: (typeof columns)[number]) => number) =>
    (column: (typeof columns)[number]): number => value(column) / column.rounds;
  const plots = [
    ...columns.some(({ knowing }) => knowing !== undefined)
      ? [plot("Nodes that know minimum and maximum", columns, ({ knowing }) => knowing, asCount)] : [],
    plot("Bytes a round", columns, each(({ bytes }) => bytes), (bytes) => bytesText(Math.round(bytes))),
    plot("Datagrams a round", columns, each(({ datagrams }) => datagrams), asCount),
    plot("Suspicions of running nodes at the end of a round", columns, ({ suspicions }) => suspicions, asCount),
  ];
  const styleHash = createHash("sha256").update(STYLE).digest("base64");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; \
style-src-attr 'unsafe-inline'">
<style>${STYLE}</style></head><body><main>
<h1>${escaped(title)}</h1>
${lines.map((line) => `<p>${escaped(line)}</p>`).join("\n")}
<p class="${agreed ? "good" : "bad"}"><b>${escaped(verdict)}</b></p>
<h2>To run exactly this again</h2>
<pre tabindex="0">${escaped(command)}</pre>
<h2>Figures</h2>
<dl>${figures.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>
<h2>Over time</h2>
${plots.join("\n")}
<h2>Nodes</h2>
${bands(columns, names)}
${complaints(summary)}
${table(columns)}
</main></body></html>
`;
}

function complaints({ violations, violationCount }: RunSummary): string {
  if (violationCount === 0) return "<h2>Complaints</h2>\n<p>None: no rule was broken.</p>";
  const items = violations.map(({ check, node, detail }) =>
    `<li><b>${escaped(node)}</b> (${escaped(check)}): ${escaped(cut(detail))}</li>`);
  const more = violationCount - violations.length;
  return `<h2>Complaints</h2>
<p>${plural(violationCount, "violation")}${more > 0 ? `; the first ${violations.length}` : ""}:</p>
<ol>${items.join("\n")}</ol>`;
}

/** A complaint may quote a whole value, or a stack. */
function cut(text: string): string {
  return text.length > DETAIL_MAX ? `${text.slice(0, DETAIL_MAX)}…` : text;
}

function asCount(count: number): string {
  return countText(Math.round(count));
}

const DETAIL_MAX = 2000;

/** Colours after Okabe and Ito, which colour-blind people tell apart; the worse a fare, the darker or warmer. */
const STYLE = `
:root{--back:#fff;--text:#1b1f24;--dim:#59636e;--rule:#d1d9e0;--box:#f3f5f7;--line:#0067ad;--area:#0067ad26;
--good:#006b4f;--bad:#a40e26;--f0:#b9dcea;--f1:#e3e6e9;--f2:#8a93a0;--f3:#c88a00;--f4:#f0c419;--f5:#b3391b}
@media (prefers-color-scheme:dark){:root{--back:#14171b;--text:#e7eaed;--dim:#a3acb6;--rule:#343b43;--box:#1e2329;
--line:#5ab4f0;--area:#5ab4f02e;--good:#4cc79c;--bad:#ff8f85;--f0:#24506a;--f1:#262b31;--f2:#7d8793;--f3:#b87f00;
--f4:#f5d547;--f5:#ff7a59}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}.good{color:var(--good)}.bad{color:var(--bad)}
pre{background:var(--box);padding:.75rem;overflow-x:auto;border-radius:.4rem;margin:0}
dl{margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:.5rem 1.5rem}
dl div{border-top:1px solid var(--rule);padding-top:.25rem}dt{color:var(--dim);font-size:.85rem}dd{margin:0}
figure{margin:1rem 0 1.5rem}figcaption{font-weight:600;margin-bottom:.4rem}
.plot{display:grid;grid-template-columns:4.5rem 1fr;column-gap:.5rem}
.ticks,.labels{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:.75rem;
line-height:1;color:var(--dim);font-variant-numeric:tabular-nums;white-space:nowrap}
.labels span{line-height:14px}
svg{display:block;width:100%;height:8.5rem;overflow:visible}
.rounds{grid-column:2;display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;font-size:.75rem;
color:var(--dim);padding-top:.3rem}
path.line,path.grid,path.phase{vector-effect:non-scaling-stroke}
.line{fill:none;stroke:var(--line);stroke-width:1.75}.area{fill:var(--area)}
.grid{stroke:var(--rule)}.phase{stroke:var(--dim);stroke-dasharray:3 3}
.bands{shape-rendering:crispEdges}.titles rect{fill:transparent}.titles rect:hover{fill:var(--text);fill-opacity:.25}
${FARES.map((_, fare) => `.fare${fare}{stroke:var(--f${fare});background:var(--f${fare})}`).join("")}
.legend{list-style:none;margin:0 0 .6rem;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.85rem}
.legend i{display:inline-block;width:.9rem;height:.9rem;margin-right:.4rem;vertical-align:-.1rem;
outline:1px solid var(--rule)}
ol{padding-left:1.5rem}li{overflow-wrap:anywhere}.scroll{overflow-x:auto;max-height:30rem}
details{margin:2rem 0}summary{cursor:pointer;font-weight:600}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .75rem;text-align:right;border-bottom:1px solid var(--rule)}
:focus-visible{outline:2px solid var(--line);outline-offset:2px}
`;
