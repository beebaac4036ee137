import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { matrixLines, mergeMatrix, soakLines, writeSection } from "./reliability-docs.js";
import { type ReliabilityOutcome, type ReliabilityTask, matrixTasks } from "./reliability-tasks.js";

const HELP = `Simulates networks under each fault in each dialect, and checks whether they agree afterwards.

npm run -s bench:reliability -- [options]

  --quick           8 nodes and one seed: CI runs it
  --soak DAYS       instead: networks of 50 nodes with all faults, for that many simulated days in all
  --pieces N        how many networks share these days, 1 by default
  --seed N          the first seed, 1 by default
  --fault NAME      only this fault
  --dialect NAME    only this dialect: compact, sealed or espgossip; a soak is sealed by default
  --nodes N         only this size
  --processes N     2 by default
  --from FILE       take results from this file, and add the missing ones to it
  --json            one JSON object a run
  --write           write the table in docs/RELIABILITY.md; with --fault or --dialect only their lines
  --help

Exits with 1 when a network of chisme's own frames did not agree, or set a running node to DOWN afterwards.`;

const { values: flags } = parseArgs({
  options: {
    "quick": { type: "boolean", default: false },
    "soak": { type: "string" },
    "pieces": { type: "string", default: "1" },
    "seed": { type: "string", default: "1" },
    "fault": { type: "string" },
    "dialect": { type: "string" },
    "nodes": { type: "string" },
    "processes": { type: "string", default: "2" },
    "from": { type: "string" },
    "json": { type: "boolean", default: false },
    "write": { type: "boolean", default: false },
    "help": { type: "boolean", default: false },
  },
});

if (flags.help) console.log(HELP);
else await run();

async function run(): Promise<void> {
  const { fault, dialect, nodes, soak } = flags;
  const tasks = (soak === undefined ? matrixTasks(Number(flags.seed), flags.quick) : soakTasks()).filter((task) =>
    task.fault === (fault ?? task.fault) && task.dialect === (dialect ?? task.dialect)
    && task.nodes === Number(nodes ?? task.nodes));
  if (tasks.length === 0) throw new Error("--fault, --dialect, --nodes: no run is left");
  const outcomes = await take(tasks);
  const lines = soak === undefined ? matrixLines(outcomes) : soakLines(outcomes);
  if (!flags.json) console.log(lines.join("\n"));
  const isPart = fault !== undefined || dialect !== undefined;
  if (flags.write && soak !== undefined) writeSection("soak", () => lines);
  else if (flags.write) writeSection("matrix", (old) => isPart ? mergeMatrix(old, lines) : lines);
  const bad = outcomes.filter((outcome) => outcome.dialect !== "espgossip"
    && (!outcome.agreed || outcome.falseDownsHealed > 0));
  for (const { fault, dialect, nodes, seed, violations } of bad) {
    console.error(`${fault}, ${dialect}, ${nodes} nodes, seed ${seed}: ${violations.join("; ")}`);
  }
  if (bad.length > 0) process.exitCode = 1;
}

function soakTasks(): ReliabilityTask[] {
  return Array.from({ length: Number(flags.pieces) }, (_, index) => ({
    fault: "everything", dialect: (flags.dialect ?? "sealed") as ReliabilityTask["dialect"], nodes: 50,
    seed: Number(flags.seed) + index, days: Number(flags.soak) / Number(flags.pieces),
  }));
}

/** Returns the outcomes in the order of the tasks. */
async function take(tasks: readonly ReliabilityTask[]): Promise<ReliabilityOutcome[]> {
  const known = new Map<string, ReliabilityOutcome>();
  if (flags.from !== undefined && existsSync(flags.from)) {
    for (const line of readFileSync(flags.from, "utf8").split("\n").filter((text) => text !== "")) {
      const outcome = JSON.parse(line) as ReliabilityOutcome;
      known.set(nameOf(outcome), outcome);
    }
  }
  const left = tasks.filter((task) => !known.has(nameOf(task)));
  const worker = left.length > 0 ? await bundleWorker() : "";
  const work = async (): Promise<void> => {
    const child = fork(worker, { execArgv: ["--expose-gc"] }).setMaxListeners(0);
    for (let task = left.shift(); task !== undefined; task = left.shift()) {
      const outcome = await outcomeOf(child, task);
      known.set(nameOf(task), outcome);
      if (flags.json) console.log(JSON.stringify(outcome));
      if (flags.from !== undefined) appendFileSync(flags.from, `${JSON.stringify(outcome)}\n`);
    }
    child.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(left.length, Number(flags.processes)) }, work));
  return tasks.map((task) => known.get(nameOf(task)) as ReliabilityOutcome);
}

async function outcomeOf(child: ChildProcess, task: ReliabilityTask): Promise<ReliabilityOutcome> {
  child.send(task);
  const gone = once(child, "exit").then(() => [undefined]);
  const [outcome] = await Promise.race([once(child, "message"), gone]) as [ReliabilityOutcome | undefined];
  if (outcome === undefined) throw new Error(`${nameOf(task)}: its process ended`);
  return outcome;
}

function nameOf({ fault, dialect, nodes, seed, days }: ReliabilityTask): string {
  return `${fault} ${dialect} ${nodes} ${seed} ${days}`;
}

/** Bundled into one file the simulator runs several times faster, because imported constants become local ones. */
async function bundleWorker(): Promise<string> {
  const outfile = fileURLToPath(new URL("../build/reliability/worker.mjs", import.meta.url));
  const entry = fileURLToPath(new URL("reliability-worker.ts", import.meta.url));
  await build({
    entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", target: "node20", sourcemap: "inline",
    // Some packages are CommonJS and load modules of Node.js with `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  return outfile;
}
