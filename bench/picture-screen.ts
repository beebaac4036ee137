/** How a run of characters looks on a terminal. */
export interface Style {
  /** SGR number of the foreground, such as 36 for cyan; 0 is the terminal's own. */
  color: number;
  isBold: boolean;
  isDim: boolean;
}

/** Characters of one style that stand side by side. */
export interface StyledText extends Style {
  column: number;
  text: string;
}

interface Cell extends Style {
  character: string;
}

const PLAIN: Style = { color: 0, isBold: false, isDim: false };
// eslint-disable-next-line no-control-regex -- an escape sequence begins with a control character
const SEQUENCE = /\x1b\[(\??)(\d*)(?:;\d+)*([A-Za-z])/y;

/**
 * A terminal's screen: applies what a program writes and says what it shows. It
 * has the part of ECMA-48 that chisme and its progress bars use.
 */
export class Screen {
  private readonly lines: Cell[][] = [[]];
  private style = PLAIN;
  private row = 0;
  private column = 0;

  /** @throws Error when `text` has an escape sequence that this screen does not apply */
  write(text: string): void {
    for (let at = 0; at < text.length;) {
      if (text[at] === "\x1b") {
        SEQUENCE.lastIndex = at;
        const match = SEQUENCE.exec(text);
        if (match === null) throw new Error(`no escape sequence: ${JSON.stringify(text.slice(at, at + 8))}`);
        this.control(match[1] === "?", match[2], match[3]);
        at = SEQUENCE.lastIndex;
      } else {
        this.print(text[at]);
        at++;
      }
    }
  }

  /** The runs of each line, from the top. Spaces without a style are left out at the end of a line. */
  rows(): StyledText[][] {
    return this.lines.map(runsOf);
  }

  /** The characters of each line, from the top. */
  text(): string[] {
    return this.lines.map((line) => line.map(({ character }) => character).join("").trimEnd());
  }

  private print(character: string): void {
    if (character === "\r") this.column = 0;
    else if (character === "\n") this.move(this.row + 1, 0);
    else {
      const line = this.lines[this.row];
      while (line.length < this.column) line.push({ character: " ", ...PLAIN });
      line[this.column] = { character, ...this.style };
      this.column++;
    }
  }

  private move(row: number, column: number): void {
    this.row = Math.max(row, 0);
    this.column = column;
    while (this.lines.length <= this.row) this.lines.push([]);
  }

  private control(isPrivate: boolean, digits: string, name: string): void {
    const count = digits === "" ? 1 : Number(digits);
    // Cursor shown or hidden, line wrapping on or off: neither shows on a still picture.
    if (isPrivate) return;
    switch (name) {
      case "A": this.move(this.row - count, this.column); return;
      case "B": this.move(this.row + count, this.column); return;
      case "G": this.column = count - 1; return;
      case "K": this.lines[this.row].length = Math.min(this.lines[this.row].length, this.column); return;
      case "m": this.style = styleAfter(this.style, Number(digits)); return;
      default: throw new Error(`this screen has no escape sequence ${name}`);
    }
  }
}

function styleAfter(style: Style, sgr: number): Style {
  switch (sgr) {
    case 0: return PLAIN;
    case 1: return { ...style, isBold: true };
    case 2: return { ...style, isDim: true };
    case 22: return { ...style, isBold: false, isDim: false };
    case 39: return { ...style, color: 0 };
    default: return { ...style, color: sgr };
  }
}

function runsOf(line: Cell[]): StyledText[] {
  const runs: StyledText[] = [];
  for (const [column, { character, ...style }] of line.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && isSameStyle(last, style)) last.text += character;
    else runs.push({ column, text: character, ...style });
  }
  return runs.filter(({ text }) => text.trim() !== "");
}

function isSameStyle(a: Style, b: Style): boolean {
  return a.color === b.color && a.isBold === b.isBold && a.isDim === b.isDim;
}
