import type { Style, StyledText } from "./picture-screen.js";

/** What a terminal shows from a time on. */
export interface Frame {
  atMs: number;
  rows: StyledText[][];
}

export interface TerminalPicture {
  /** For readers who cannot see the picture. */
  title: string;
  /** What the user types, on the first line. */
  command: string;
  /** In the order of time; the last one stays. */
  frames: readonly Frame[];
}

/** Characters in a line. */
export const PICTURE_COLUMNS = 88;
const CHARACTER_WIDTH = 8;
const LINE_HEIGHT = 19;
const FONT_SIZE = 13.3;
const MARGIN = 16;
const BAR_HEIGHT = 30;
const TYPING_MS = 900;

/* A dark window with a border of its own is readable on a light page and on a dark one. */
const BACKGROUND = "#161b22";
const BORDER = "#57606a";
const INK = "#e6edf3";
const DIM_INK = "#9da7b3";
const BUTTONS = ["#ff7b72", "#e3b341", "#56d364"];
const COLORS = new Map([[32, "#56d364"], [33, "#e3b341"], [36, "#39c5cf"]]);

/** Draws a terminal as SVG: text as text, moved by CSS alone. Without animation the picture shows the last frame. */
export function drawTerminal({ title, command, frames }: TerminalPicture): string {
  const last = frames[frames.length - 1];
  const width = PICTURE_COLUMNS * CHARACTER_WIDTH + 2 * MARGIN;
  const height = BAR_HEIGHT + (last.rows.findLastIndex((runs) => runs.length > 0) + 2) * LINE_HEIGHT + MARGIN;
  const steps = command.length;
  const typed = steps * CHARACTER_WIDTH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
    + ` font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"`
    + ` font-size="${FONT_SIZE}" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    "<style>",
    "text{white-space:pre}",
    ".f{visibility:hidden;animation:show}",
    ".last{animation:hide}",
    `.cover{transform:translateX(${typed}px);animation:type ${TYPING_MS}ms steps(${steps})}`,
    "@keyframes show{from,to{visibility:visible}}",
    "@keyframes hide{from,to{visibility:hidden}}",
    "@keyframes type{from{transform:none}}",
    "@media(prefers-reduced-motion:reduce){.f,.last,.cover{animation:none}}",
    "</style>",
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="${BACKGROUND}" stroke="${BORDER}"/>`,
    ...BUTTONS.map((color, index) => `<circle cx="${20 + index * 18}" cy="17" r="5" fill="${color}"/>`),
    run({ column: 0, text: `$ ${command}`, color: 0, isBold: true, isDim: false }, 0),
    `<rect class="cover" x="${MARGIN + 2 * CHARACTER_WIDTH}" y="${BAR_HEIGHT}" width="${typed}" height="${LINE_HEIGHT}"`
    + ` fill="${BACKGROUND}"/>`,
    ...layers(frames),
    "</svg>",
    "",
  ].join("\n");
}

/** Each text once for each stretch of frames that have it, so that what stands still is drawn once. */
function layers(frames: readonly Frame[]): string[] {
  const end = frames.length - 1;
  const open = new Map<string, number>();
  const groups = new Map<string, string[]>();
  const close = (text: string, from: number, to: number): void => {
    const name = `${from} ${to}`;
    groups.set(name, [...groups.get(name) ?? [], text]);
  };
  for (const [index, { rows }] of frames.entries()) {
    const texts = new Set(rows.flatMap((runs, row) => runs.map((one) => run(one, row + 1))));
    for (const [text, from] of open) {
      if (texts.has(text)) continue;
      close(text, from, index);
      open.delete(text);
    }
    for (const text of texts) if (!open.has(text)) open.set(text, index);
  }
  for (const [text, from] of open) close(text, from, end + 1);
  return [...groups].map(([name, texts]) => {
    const [from, to] = name.split(" ").map(Number);
    const atMs = frames[from].atMs;
    const stays = `<g class="last" style="animation-duration:${atMs}ms">`;
    const shownMs = to > end ? 0 : frames[to].atMs - atMs;
    const passes = `<g class="f" style="animation-delay:${atMs}ms;animation-duration:${shownMs}ms">`;
    return `${to > end ? stays : passes}${texts.join("")}</g>`;
  });
}

/** The width is given, since fonts differ in it and the block characters may come from another font. */
function run({ column, text, ...style }: StyledText, row: number): string {
  const lead = text.length - text.trimStart().length;
  const shown = text.trim();
  const x = MARGIN + (column + lead) * CHARACTER_WIDTH;
  const y = BAR_HEIGHT + row * LINE_HEIGHT + 14;
  const length = shown.length * CHARACTER_WIDTH;
  return `<text x="${x}" y="${y}" textLength="${length}"${look(style)}>${escaped(shown)}</text>`;
}

function look({ color, isBold, isDim }: Style): string {
  const fill = COLORS.get(color) ?? (isDim ? DIM_INK : "");
  return `${fill === "" ? "" : ` fill="${fill}"`}${isBold ? ` font-weight="600"` : ""}`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
