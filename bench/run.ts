import type { Figure } from "./figure.js";
import { FIGURES, keeps } from "./figures.js";
import type { Measurement } from "./measurement.js";
import { MEASUREMENTS } from "./measurements.js";
import { type Task, takeSamples } from "./pool.js";

export interface BenchOptions {
  isQuick: boolean;
  /** The first of the seeds. */
  seed: number;
  /** Only figures whose names begin with this. */
  only: string;
  /** Larger networks are left out. */
  nodesMax: number;
}

export interface BenchResult {
  /** By name, in the order of `FIGURES`. */
  figures: Map<string, number>;
  /** By name of the measurement, in the order of the seeds. */
  samples: Map<string, readonly unknown[]>;
  /** Figures that miss their bounds, without those of the machine's speed. */
  missed: Figure[];
}

/** Called at the beginning, with an empty measurement, and after each sample. */
export type Progress = (measurement: string, taken: number, ofAll: number) => void;

export async function runBench(options: BenchOptions, progress: Progress): Promise<BenchResult> {
  const chosen = FIGURES.filter(({ name }) => name.startsWith(options.only));
  const measurements = MEASUREMENTS.filter(({ name, nodes, ...rest }) => nodes <= options.nodesMax
    && seedCount(rest, options) > 0 && chosen.some(({ measurement }) => measurement === name));
  const tasks = measurements.flatMap((measurement) => tasksOf(measurement, options));
  let taken = 0;
  progress("", taken, tasks.length);
  const taking = await takeSamples(tasks, ({ measurement }) => progress(measurement, ++taken, tasks.length));

  const samples = new Map<string, unknown[]>(measurements.map(({ name }) => [name, []]));
  tasks.forEach(({ measurement }, index) => samples.get(measurement)?.push(taking[index]));
  const values = new Map(measurements.flatMap((measurement) =>
    Object.entries(measurement.figures(samples.get(measurement.name) as unknown[]))));
  const figures = new Map<string, number>();
  for (const { name } of chosen) {
    const value = values.get(name);
    if (value !== undefined) figures.set(name, value);
  }
  const missed = chosen.filter(({ name, bound, isOfMachine }) => {
    const value = figures.get(name);
    return bound !== undefined && isOfMachine !== true && value !== undefined && !keeps(bound, value);
  });
  return { figures, samples, missed };
}

/** Number of seeds of a measurement in this run. */
export function seedCount({ seeds }: Pick<Measurement, "seeds">, { isQuick }: Pick<BenchOptions, "isQuick">): number {
  return isQuick ? seeds.quick : seeds.full;
}

function tasksOf(measurement: Measurement, options: BenchOptions): Task[] {
  const { isQuick, seed } = options;
  return Array.from({ length: seedCount(measurement, options) }, (_, index) => ({
    measurement: measurement.name, seed: (seed + index) >>> 0, isQuick, isAlone: measurement.isAlone === true,
  }));
}
