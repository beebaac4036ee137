import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** A sample to take. */
export interface Task {
  measurement: string;
  seed: number;
  isQuick: boolean;
  /** Whether no other sample may be taken at the same time. */
  isAlone: boolean;
}

/** The answer of a process to a task. */
export interface Answer {
  sample?: unknown;
  error?: string;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Takes samples in child processes. Returns them in the order of the tasks.
 *
 * @param done called after each sample with its task
 * @param processesMax number of processes; one for each core by default
 * @throws Error that names the task when a sample cannot be taken
 */
export async function takeSamples(
  tasks: readonly Task[], done: (task: Task) => void, processesMax = availableParallelism(),
): Promise<unknown[]> {
  const samples: unknown[] = new Array(tasks.length);
  const together = tasks.map((_, index) => index).filter((index) => !tasks[index].isAlone);
  const alone = tasks.map((_, index) => index).filter((index) => tasks[index].isAlone);
  const processes = Math.min(processesMax, together.length);
  const take = async (from: number[]): Promise<void> => {
    const child = startProcess();
    try {
      for (let index = from.shift(); index !== undefined; index = from.shift()) {
        samples[index] = await sampleIn(child, tasks[index]);
        done(tasks[index]);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: processes }, () => take(together)));
  if (alone.length > 0) await take(alone);
  return samples;
}

/** On Node.js 20, tsx loads TypeScript in child processes but not in worker threads. */
function startProcess(): ChildProcess {
  // Advanced serialization keeps infinite numbers; JSON would make them null.
  const child = fork(WORKER, { cwd: ROOT, execArgv: ["--import", "tsx"], serialization: "advanced" });
  child.setMaxListeners(0);
  return child;
}

function sampleIn(child: ChildProcess, task: Task): Promise<unknown> {
  const what = `${task.measurement}, seed ${task.seed}`;
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`${what}: the process ended with ${code}`));
    child.once("exit", exited);
    child.once("message", ({ sample, error }: Answer) => {
      child.off("exit", exited);
      if (error === undefined) resolve(sample);
      else reject(new Error(`${what}: ${error}`));
    });
    child.send(task);
  });
}
