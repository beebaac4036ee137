import { setTimeout as wait } from "node:timers/promises";
import pc from "picocolors";
import { SIMULATE_DEFAULTS, simulate } from "../desktop/simulator/simulate.js";
import { TerminalReport } from "../desktop/simulator/terminal-report.js";
import { type Frame, PICTURE_COLUMNS, drawTerminal } from "./picture-svg.js";
import { Screen } from "./picture-screen.js";

const SEED = 1;
const COMMAND = `npm start -- --seed ${SEED}`;
const TITLE = `A terminal: ${COMMAND} simulates 50 nodes until all know the minimum and the maximum`;
/** When the output begins, and for how long each round is shown. */
const OUTPUT_MS = 1200;
const ROUND_MS = 130;
const POLL_MS = 10;

/** The picture of `npm start` on a terminal, made of what the command writes there. */
export async function drawPicture(): Promise<string> {
  const options = { ...SIMULATE_DEFAULTS, seed: SEED };
  const screen = new Screen();
  const frames: Frame[] = [{ atMs: 0, rows: [] }];
  const writeLine = (line: string): void => screen.write(`${line}\n`);
  const stream = { isTTY: true, columns: PICTURE_COLUMNS, write: (text: string) => screen.write(text) };
  const report = new TerminalReport(
    { writeLine, colors: pc.createColors(true), command: "npm start --" }, stream as unknown as NodeJS.WriteStream,
  );
  report.begin(options);
  const rounds = simulate(options);
  let step = rounds.next();
  for (; step.done !== true; step = rounds.next()) {
    const { round } = step.value;
    report.round(step.value);
    // The bars are drawn by a timer of their own.
    while (!screen.text().some((line) => line.includes(` ${round} of ${options.rounds}`))) await wait(POLL_MS);
    frames.push({ atMs: OUTPUT_MS + (round - 1) * ROUND_MS, rows: screen.rows() });
  }
  report.end(step.value);
  frames.push({ atMs: OUTPUT_MS + options.rounds * ROUND_MS, rows: screen.rows() });
  return drawTerminal({ title: TITLE, command: COMMAND, frames });
}
