import uPlot from "uplot";
import { element, setText } from "./dom.js";

export interface PlotLine {
  label: string;
  /** Name of a variable of page.css, without "--". */
  colour: string;
  dash?: number[];
}

export interface PlotOptions {
  title: string;
  lines: PlotLine[];
  /** Whether x is seconds since 1970; otherwise it is a number of its own. */
  isTime: boolean;
  /** Bars in place of lines, for counts that are mostly 0. */
  isBars?: boolean;
  /** Whether the axis begins at 0. */
  fromZero?: boolean;
  height?: number;
}

/** Lines over time, in the colours of the theme. The text below says the same to those who do not see it. */
export class Plot {
  readonly element: HTMLElement;
  private readonly options: PlotOptions;
  private readonly area = element("div", { class: "plot-area" });
  private readonly caption = element("figcaption");
  private plot: uPlot | undefined;
  private data: uPlot.AlignedData = [[]];

  constructor(options: PlotOptions) {
    this.options = options;
    const key = options.lines.map(({ label, colour, dash }) =>
      element("span", { class: `key${dash === undefined ? "" : " dashed"} key-${colour}` }, label));
    this.element = element("figure", { class: "plot" },
      element("div", { class: "plot-head" }, element("h3", {}, options.title), ...options.lines.length > 1 ? key : []),
      this.area, this.caption);
    new ResizeObserver(() => this.resize()).observe(this.area);
  }

  /** @param data times, then the values of each line. @param caption says in words what is to be seen */
  show(data: uPlot.AlignedData, caption: string): void {
    this.data = data;
    setText(this.caption, caption);
    if (this.plot === undefined) this.make();
    else this.plot.setData(data);
  }

  /** Draws anew in the colours of now. */
  restyle(): void {
    this.plot?.destroy();
    this.plot = undefined;
    this.make();
  }

  private make(): void {
    const width = this.area.clientWidth;
    if (width === 0) return;
    const { lines, isTime, isBars, fromZero, height = 150 } = this.options;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    const axis: uPlot.Axis = {
      stroke: colour("muted"), font: "11px system-ui, sans-serif", ticks: { show: false },
      grid: { stroke: colour("grid"), width: 1 },
    };
    const bars = isBars ? uPlot.paths.bars?.({ size: [0.8, 12] }) : undefined;
    const options: uPlot.Options = {
      width, height, legend: { show: false }, cursor: { drag: { setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: isTime },
        y: fromZero ? { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } : {},
      },
      axes: [
        { ...axis, size: 26, ...isTime && { space: 90, values: (_plot, ticks) => ticks.map(clockText) } },
        { ...axis, size: 48, values: (_plot, ticks) => ticks.map(shortNumber) },
      ],
      series: [{}, ...lines.map((line): uPlot.Series => ({
        label: line.label, stroke: colour(line.colour), width: 1.75, points: { show: false },
        ...line.dash !== undefined && { dash: line.dash },
        ...bars !== undefined && { paths: bars, fill: colour(line.colour) },
      }))],
      hooks: { setCursor: [(plot) => this.point(plot)] },
    };
    this.plot = new uPlot(options, this.data, this.area);
    this.plot.root.setAttribute("role", "img");
    this.plot.root.setAttribute("aria-label", this.options.title);
  }

  /** Says the values under the pointer. */
  private point(plot: uPlot): void {
    const { idx } = plot.cursor;
    const { lines } = this.options;
    this.area.title = idx === null || idx === undefined ? ""
      : lines.map(({ label }, line) => `${label} ${String(this.data[line + 1]?.[idx] ?? "–")}`).join(", ");
  }

  private resize(): void {
    const width = this.area.clientWidth;
    if (width === 0) return;
    if (this.plot === undefined) this.make();
    else if (width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height });
  }
}

function clockText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" });
}

/** "1.5k", "20M". */
function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(6)));
}
