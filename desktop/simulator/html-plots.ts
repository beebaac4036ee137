import { FARES, type HistoryColumn } from "./run-history.js";
import { countText } from "./text.js";

/** Bands, at most. In a larger network each band has several nodes. */
export const BANDS_MAX = 500;
const PLOT_HEIGHT = 100;
/** Up to so many bands, each has a label. */
const LABELS_MAX = 60;

/** Text in HTML, also within an attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * A line over the rounds, with 0 at the bottom.
 *
 * @param valueOf undefined: there is none
 */
export function plot(
  title: string, columns: readonly HistoryColumn[], valueOf: (column: HistoryColumn) => number | undefined,
  textOf: (value: number) => string,
): string {
  const values = columns.map(valueOf);
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const points = values.flatMap((value, at) => value === undefined ? []
    : [`${round(xOf(at, columns.length))} ${round(PLOT_HEIGHT * (1 - value / most))}`]);
  const last = values.at(-1);
  const summary = `${title}: at most ${textOf(most)}${last === undefined ? "" : `, ${textOf(last)} at the end`}`;
  const half = most > 1 ? escaped(textOf(most / 2)) : "";
  const area = points.length === 0 ? ""
    : `<path class="area" d="M0 ${PLOT_HEIGHT}L${points.join("L")}L${points.at(-1)?.split(" ")[0]} ${PLOT_HEIGHT}z"/>`;
  return `<figure><figcaption>${escaped(title)}</figcaption><div class="plot">
<div class="ticks"><span>${escaped(textOf(most))}</span><span>${half}</span><span>0</span></div>
<svg viewBox="0 0 1000 ${PLOT_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escaped(summary)}">
<path class="grid" d="M0 0H1000M0 ${PLOT_HEIGHT / 2}H1000M0 ${PLOT_HEIGHT}H1000"/>${phaseLines(columns)}
${area}<path class="line" d="M${points.join("L")}"/></svg>
${roundTicks(columns)}</div></figure>`;
}

/** A band for each node, or for several: how it fared. */
export function bands(columns: readonly HistoryColumn[], names: readonly string[]): string {
  const perBand = Math.ceil(names.length / BANDS_MAX);
  const count = Math.ceil(names.length / perBand);
  const paths = FARES.map(() => "");
  const titles: string[] = [];
  const labels: string[] = [];
  for (let band = 0; band < count; band++) {
    const of = names.slice(band * perBand, (band + 1) * perBand);
    const fares = columns.map(({ fares }) =>
      fares.subarray(band * perBand, (band + 1) * perBand).reduce((most, fare) => Math.max(most, fare), -1));
    addRuns(paths, fares, band);
    const title = of.length === 1 ? of[0] : `${of[0]} to ${of[of.length - 1]}`;
    titles.push(`<rect y="${band}" width="${columns.length}" height="1"><title>${escaped(title)}</title></rect>`);
    labels.push(`<span>${escaped(title.replace(/^node (\d+) .*/, "$1"))}</span>`);
  }
  const height = count <= LABELS_MAX ? 14 : count <= 200 ? 5 : 2;
  const drawn = paths.map((d, fare) => d === "" ? "" : `<path class="fare${fare}" d="${d}"/>`).join("");
  const legend = FARES.map((text, fare) => `<li><i class="fare${fare}"></i>${text}</li>`).join("");
  const several = perBand === 1 ? "" : ` Each band has ${perBand} nodes, and shows the worst.`;
  const caption = `How each node fared, from the first node at the top.${several}`;
  return `<figure><figcaption>${caption}</figcaption><ul class="legend">${legend}</ul><div class="plot">
<div class="labels">${count <= LABELS_MAX ? labels.join("") : `<span>0</span><span>${names.length - 1}</span>`}</div>
<svg class="bands" style="height:${count * height}px" viewBox="0 0 ${columns.length} ${count}" \
preserveAspectRatio="none" role="img" aria-label="${escaped(caption)}">
<g transform="translate(0 .5)">${drawn}</g><g class="titles">${titles.join("")}</g></svg>
${roundTicks(columns)}</div></figure>`;
}

/** The figures behind the plots. */
export function table(columns: readonly HistoryColumn[]): string {
  const hasPhases = columns.some(({ phase }) => phase !== "");
  const hasKnowing = columns.some(({ knowing }) => knowing !== undefined);
  const heads = [
    "round", ...hasPhases ? ["phase"] : [], "datagrams", "bytes", ...hasKnowing ? ["nodes that know"] : [],
    "suspicions",
  ];
  const rows = columns.map(({ round: last, rounds, phase, datagrams, bytes, knowing, suspicions }) => [
    rounds === 1 ? `${last}` : `${last - rounds + 1} to ${last}`, ...hasPhases ? [phase] : [], countText(datagrams),
    countText(bytes), ...hasKnowing ? [`${knowing ?? ""}`] : [], countText(suspicions),
  ]);
  const cells = (tag: string, texts: string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("")}</tr>`;
  return `<details><summary>The figures as a table</summary><div class="scroll" tabindex="0"><table>
<thead>${cells("th", heads)}</thead><tbody>
${rows.map((row) => cells("td", row)).join("\n")}
</tbody></table></div></details>`;
}

/** Adds the stretches of one band to the path of each fare. A stretch is a line as thick as the band. */
function addRuns(paths: string[], fares: readonly number[], band: number): void {
  // Where the stretch before of the same fare ends: a relative step from there is short.
  const ends = new Map<number, number>();
  for (let from = 0, to = 0; from < fares.length; from = to) {
    const fare = fares[from];
    while (to < fares.length && fares[to] === fare) to++;
    if (fare < 0) continue;
    const end = ends.get(fare);
    paths[fare] += `${end === undefined ? `M${from} ${band}` : `m${from - end} 0`}h${to - from}`;
    ends.set(fare, to);
  }
}

function phaseLines(columns: readonly HistoryColumn[]): string {
  return columns.map(({ phase }, at) => {
    if (at === 0 || phase === columns[at - 1].phase) return "";
    const x = round(xOf(at, columns.length));
    return `<path class="phase" d="M${x} 0V${PLOT_HEIGHT}"/>`;
  }).join("");
}

/** The first and the last round, and where phases begin. */
function roundTicks(columns: readonly HistoryColumn[]): string {
  if (columns.length === 0) return "";
  const [first, last] = [columns[0], columns[columns.length - 1]];
  const starts = columns.filter(({ phase }, at) => at > 0 && phase !== columns[at - 1].phase)
    .map(({ phase, round: at, rounds }) => `${phase} from round ${at - rounds + 1}`);
  const middle = starts.map((text) => `<span>${escaped(text)}</span>`).join("");
  return `<div class="rounds"><span>round ${first.round - first.rounds + 1}</span>${middle}<span>round ${last.round}\
</span></div>`;
}

function xOf(at: number, count: number): number {
  return count === 1 ? 0 : at / (count - 1) * 1000;
}

function round(number: number): string {
  return String(Math.round(number * 10) / 10);
}
