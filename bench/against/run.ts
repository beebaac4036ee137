import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mean, percentile, rounded } from "../measurement.js";
import type { BenchOptions, Progress } from "../run.js";
import { type Checkout, ROOT, checkOut } from "./checkout.js";
import type { AgainstFigure, Measure } from "./measure.js";
import { MEASURES } from "./measures.js";
import type { Reply, Request } from "./worker.js";

/** A figure of both revisions. */
export interface Compared {
  figure: AgainstFigure;
  then: number;
  now: number;
}

export interface AgainstResult {
  /** The whole hash of the earlier revision. */
  commit: string;
  compared: Compared[];
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Measures an earlier revision and this tree, each in processes of its own. Ends the process's children and removes the
 * earlier revision's folder, also when it is interrupted.
 *
 * @throws Error when there is no such revision, or it can't be measured
 */
export async function runAgainst(revision: string, options: BenchOptions, progress: Progress): Promise<AgainstResult> {
  const chosen = MEASURES.filter((measure) => samplesOf(measure, options) > 0 && measure.nodes <= options.nodesMax
    && measure.figures.some(({ name }) => name.startsWith(options.only)));
  if (chosen.length === 0) return { commit: "", compared: [] };
  let checkout: Checkout | undefined;
  // Before the checkout: while npm runs, an interrupt ends npm, and this process removes what there is.
  const interrupted = (): void => {
    checkout?.remove();
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    checkout = checkOut(revision);
    const { commit, folder } = checkout;
    const ofAll = chosen.reduce((total, measure) => total + samplesOf(measure, options), 0);
    let taken = 0;
    const compared: Compared[] = [];
    for (const measure of chosen) {
      const done = (): void => progress(measure.figures[0].name, ++taken, ofAll);
      compared.push(...await compare(measure, folder, options, done));
    }
    return { commit, compared: compared.filter(({ figure }) => figure.name.startsWith(options.only)) };
  } finally {
    process.off("SIGINT", interrupted);
    checkout?.remove();
  }
}

function samplesOf({ seeds }: Measure, { isQuick }: BenchOptions): number {
  return isQuick ? seeds.quick : seeds.full;
}

async function compare(
  measure: Measure, folder: string, options: BenchOptions, done: () => void,
): Promise<Compared[]> {
  const samples = { then: [] as number[][], now: [] as number[][] };
  let both = [new Revision(folder), new Revision(ROOT)];
  try {
    for (let nth = 0; nth < samplesOf(measure, options); nth++) {
      if (measure.way === "alone" && nth > 0) {
        both.forEach((one) => one.end());
        both = [new Revision(folder), new Revision(ROOT)];
      }
      // What takes turns measures time: each sample of it may be any, and its network stays.
      const seed = measure.way === "in turn" ? options.seed : (options.seed + nth) >>> 0;
      const request = { index: MEASURES.indexOf(measure), seed, nth };
      const [then, now] = measure.way === "together"
        ? await Promise.all(both.map((one) => one.take(request)))
        : [await both[0].take(request), await both[1].take(request)];
      samples.then.push(then);
      samples.now.push(now);
      done();
    }
  } finally {
    both.forEach((one) => one.end());
  }
  return measure.figures.map((figure, index) => ({
    figure, then: summaryOf(figure, samples.then.map((values) => values[index])),
    now: summaryOf(figure, samples.now.map((values) => values[index])),
  }));
}

function summaryOf({ summary, decimals }: AgainstFigure, values: readonly number[]): number {
  const value = summary === "mean" ? mean(values) : summary === "most" ? Math.max(...values)
    : percentile(values, summary === "median" ? 0.5 : 0.95);
  return rounded(value, decimals);
}

/** A process in which a revision is measured. */
class Revision {
  private readonly child: ChildProcess;

  /** @param folder of the revision, whose TypeScript configuration it runs with */
  constructor(folder: string) {
    this.child = fork(WORKER, [folder], {
      cwd: folder, execArgv: ["--import", import.meta.resolve("tsx")], serialization: "advanced",
    });
  }

  take(request: Request): Promise<number[]> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      const exited = (code: number | null): void => reject(new Error(`a process that measures ended with ${code}`));
      child.once("exit", exited);
      child.once("message", ({ values, error }: Reply) => {
        child.off("exit", exited);
        if (values !== undefined) resolve(values);
        else reject(new Error(error));
      });
      child.send(request);
    });
  }

  end(): void {
    this.child.kill();
  }
}
