/** One line of a plot. */
export interface Series {
  label: string;
  /** A color of SVG, such as "#0072b2". */
  color: string;
  isDashed?: boolean;
  /** Whether each point has a mark, for series with few measured points. */
  isMarked?: boolean;
  points: readonly (readonly [number, number])[];
}

export interface Axis {
  label: string;
  ticks: readonly number[];
  text: (tick: number) => string;
  isLogarithmic?: boolean;
}

export interface Plot {
  title: string;
  subtitle: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 440;
const LEFT = 76;
const RIGHT = 200;
const TOP = 72;
const BOTTOM = 58;
const LEGEND_LINE = 24;
const INK = "#1f2328";
const PALE_INK = "#59636e";
const GRID = "#e4e8ec";

/** Draws a plot as SVG: axes from the first tick to the last, the legend on the right in the order of the series. */
export function drawPlot({ title, subtitle, x, y, series }: Plot): string {
  const toX = scale(x, LEFT, WIDTH - RIGHT);
  const toY = scale(y, HEIGHT - BOTTOM, TOP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`
    + ` font-family="system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif" font-size="13" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#ffffff"/>`,
    text(LEFT, 30, title, `font-size="17" font-weight="600" fill="${INK}"`),
    text(LEFT, 50, subtitle, `fill="${PALE_INK}"`),
    ...x.ticks.flatMap((tick) => [
      line(toX(tick), TOP, toX(tick), HEIGHT - BOTTOM),
      text(toX(tick), HEIGHT - BOTTOM + 20, x.text(tick), `text-anchor="middle" fill="${PALE_INK}"`),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(LEFT, toY(tick), WIDTH - RIGHT, toY(tick)),
      text(LEFT - 10, toY(tick) + 4.5, y.text(tick), `text-anchor="end" fill="${PALE_INK}"`),
    ]),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x.label, `text-anchor="middle" fill="${INK}"`),
    text(-(TOP + HEIGHT - BOTTOM) / 2, 20, y.label, `text-anchor="middle" fill="${INK}" transform="rotate(-90)"`),
    ...series.flatMap((one) => curve(one, toX, toY)),
    ...series.flatMap((one, index) => legend(one, TOP + 12 + index * LEGEND_LINE)),
    "</svg>",
    "",
  ].join("\n");
}

function curve({ color, isDashed, isMarked, points }: Series, toX: Scale, toY: Scale): string[] {
  const path = points.map(([x, y]) => `${short(toX(x))} ${short(toY(y))}`).join("L");
  return [
    `<path d="M${path}" fill="none" ${stroke(color, isDashed)}/>`,
    ...isMarked === true ? points.map(([x, y]) => dot(toX(x), toY(y), color)) : [],
  ];
}

function legend({ label, color, isDashed, isMarked }: Series, y: number): string[] {
  const x = WIDTH - RIGHT + 18;
  return [
    `<path d="M${x} ${y}h26" fill="none" ${stroke(color, isDashed)}/>`,
    ...isMarked === true ? [dot(x + 13, y, color)] : [],
    text(x + 34, y + 4.5, label, `fill="${INK}"`),
  ];
}

function stroke(color: string, isDashed = false): string {
  const dashes = isDashed ? ` stroke-dasharray="5 4" stroke-width="1.6"` : ` stroke-width="2.4"`;
  return `stroke="${color}" stroke-linejoin="round"${dashes}`;
}

function dot(x: number, y: number, color: string): string {
  return `<circle cx="${short(x)}" cy="${short(y)}" r="3.6" fill="${color}"/>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}" stroke="${GRID}"/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${short(x)}" y="${short(y)}" ${attributes}>${escaped(content)}</text>`;
}

type Scale = (value: number) => number;

/** Maps the first tick of an axis to `start` and the last to `end`. */
function scale({ ticks, isLogarithmic }: Axis, start: number, end: number): Scale {
  const of = isLogarithmic === true ? Math.log : (value: number): number => value;
  const first = of(ticks[0]);
  const last = of(ticks[ticks.length - 1]);
  return (value) => start + (of(value) - first) / (last - first) * (end - start);
}

/** Rounds to tenths of a pixel, to keep the file small. */
function short(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}

function escaped(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
