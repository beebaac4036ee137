import pc from "picocolors";
import type { ControlClient } from "../control/control-client.js";
import type { Member } from "../control/members.js";
import { cut, memberLines, membersSummary } from "./members-text.js";

const REDRAW_MS = 1000;
const ESCAPE = "\u001b";
const SCREEN_ON = `${ESCAPE}[?1049h${ESCAPE}[?25l`;
const SCREEN_OFF = `${ESCAPE}[?25h${ESCAPE}[?1049l`;
const HOME = `${ESCAPE}[H`;
const CLEAR_LINE = `${ESCAPE}[K`;
const CLEAR_BELOW = `${ESCAPE}[J`;
const CTRL_C = "\u0003";
const SIGNALS: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Lines that are no members: summary, empty line, titles, and how to end. */
const OTHER_LINES = 5;
/** Of a terminal that does not know its size. */
const ROWS = 24;
const COLUMNS = 80;

/**
 * Shows the members on a screen of their own, once a second, until a key or a signal ends it. Then the screen is as it
 * was before.
 *
 * @throws Error when the output is no terminal, or the node ends
 */
export async function watchMembers(client: ControlClient): Promise<void> {
  if (!process.stdout.isTTY) throw new Error("--watch: the output is no terminal");
  await new Watch(client).run();
}

class Watch {
  private readonly client: ControlClient;
  private readonly colors = pc.createColors(pc.isColorSupported);
  private members: Member[] = [];
  /** Members above the first one that is shown. */
  private offset = 0;
  private end: () => void = () => undefined;

  constructor(client: ControlClient) {
    this.client = client;
  }

  async run(): Promise<void> {
    const { stdin, stdout } = process;
    let isEnded = false;
    const ended = new Promise<void>((resolve) => {
      this.end = () => {
        isEnded = true;
        resolve();
      };
    });
    const onKey = (keys: Buffer): void => this.key(keys.toString());
    const draw = (): void => this.draw();
    this.members = await this.ask();
    for (const signal of SIGNALS) process.on(signal, this.end);
    stdout.on("resize", draw).on("error", this.end);
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on("data", onKey).resume();
    stdout.write(SCREEN_ON);
    try {
      while (!isEnded) {
        this.draw();
        const pause = new Promise((resolve) => setTimeout(resolve, REDRAW_MS).unref());
        await Promise.race([ended, pause, this.client.closed]);
        if (!isEnded) this.members = await Promise.race([this.ask(), ended.then(() => this.members)]);
      }
    } finally {
      stdout.write(SCREEN_OFF);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.off("data", onKey).pause();
      stdout.off("resize", draw);
      for (const signal of SIGNALS) process.off(signal, this.end);
    }
  }

  private async ask(): Promise<Member[]> {
    return (await this.client.call<{ members: Member[] }>("members")).members;
  }

  private key(keys: string): void {
    if (/q/i.test(keys) || keys.includes(CTRL_C)) this.end();
    const step = { [`${ESCAPE}[B`]: 1, j: 1, [`${ESCAPE}[A`]: -1, k: -1, [`${ESCAPE}[6~`]: this.room(),
      [`${ESCAPE}[5~`]: -this.room() }[keys];
    if (step === undefined) return;
    this.offset += step;
    this.draw();
  }

  /** Members that the screen has room for. */
  private room(): number {
    const { rows } = terminalSize();
    return rows > OTHER_LINES ? rows - OTHER_LINES : Math.max(1, rows - 1);
  }

  private draw(): void {
    const { rows, columns } = terminalSize();
    const room = this.room();
    this.offset = Math.max(0, Math.min(this.offset, this.members.length - room));
    const [titles, ...lines] = memberLines(this.members, this.colors, columns);
    const shown = lines.slice(this.offset, this.offset + room);
    const where = shown.length === lines.length ? ""
      : `; ${this.offset + 1} to ${this.offset + shown.length}, arrows show more`;
    const end = this.colors.dim(cut(`q ends${where}`, columns));
    // More lines than there are would scroll the screen each time.
    const screen = rows > OTHER_LINES
      ? [this.colors.bold(cut(membersSummary(this.members), columns)), "", titles, ...shown, "", end]
      : [...shown, end].slice(0, rows);
    process.stdout.write(`${HOME}${screen.map((line) => `${line}${CLEAR_LINE}`).join("\n")}${CLEAR_BELOW}`);
  }
}

/** A terminal that does not know its size, such as a serial console, says 0. */
function terminalSize(): { rows: number; columns: number } {
  const { rows, columns } = process.stdout;
  return { rows: rows || ROWS, columns: columns || COLUMNS };
}
