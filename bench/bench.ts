import { parseArgs } from "node:util";
import pc from "picocolors";
import { againstJson, againstLines } from "./against/report.js";
import { runAgainst } from "./against/run.js";
import { boundText, valueText } from "./figures.js";
import { exitWithUsage, integerFlag } from "./flags.js";
import { terminalProgress } from "./progress.js";
import { figureLines } from "./report.js";
import { type BenchOptions, runBench } from "./run.js";
import { writeDocs } from "./write-docs.js";

const HELP = `Measures chisme in its simulator and checks the design's bounds.

npm run -s bench -- [options]

  --json          one JSON object instead of a table
  --quick         fewer seeds and shorter runs: two minutes of CPU time
  --only PREFIX   only figures whose names begin with PREFIX, such as wire or converge.p95
  --seed N        the first seed, 1 by default
  --nodes-max N   leave out networks of more than N nodes
  --against REV   measure the git revision REV and this tree, and print the ratios; no bounds
  --write         write the figures and plots to docs/; with --only, only those figures and no plots
  --help

Exit status: 1 when a bound is missed that does not depend on the machine's speed, or REV can't be measured.`;

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    "nodes-max": { type: "string", default: "1000000" },
    against: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(HELP);
} else {
  const options: BenchOptions = {
    isQuick: flags.quick, seed: integerFlag("seed", flags.seed, 0, 0xffffffff), only: flags.only,
    nodesMax: integerFlag("nodes-max", flags["nodes-max"], 0, 1e6),
  };
  if (flags.against === undefined) await run(options);
  else await runBeside(flags.against, options);
}

async function run(options: BenchOptions): Promise<void> {
  if (flags.write && options.isQuick) exitWithUsage("--write: not allowed with --quick");
  const progress = terminalProgress(process.stderr);
  const result = await runBench(options, progress.taken).finally(() => progress.end());
  if (result.figures.size === 0) exitWithUsage("--only, --nodes-max: no figure is left to measure");
  if (flags.write) writeDocs(result, options);
  if (flags.json) console.log(JSON.stringify(Object.fromEntries(result.figures)));
  else figureLines(result.figures, colors()).forEach((line) => console.log(line));
  for (const { name, unit, bound } of result.missed) {
    const value = valueText(result.figures.get(name) as number);
    console.error(`${name}: ${value} ${unit} misses the bound ${boundText(bound as object)}`);
  }
  if (result.missed.length > 0) process.exitCode = 1;
}

/** Measures an earlier revision beside this tree. */
async function runBeside(revision: string, options: BenchOptions): Promise<void> {
  if (flags.write) exitWithUsage("--write: not allowed with --against");
  const progress = terminalProgress(process.stderr);
  try {
    const result = await runAgainst(revision, options, progress.taken).finally(() => progress.end());
    if (result.compared.length === 0) exitWithUsage("--only, --nodes-max: no figure is left to measure");
    if (flags.json) console.log(JSON.stringify(againstJson(result)));
    else againstLines(result, colors()).forEach((line) => console.log(line));
  } catch (error) {
    console.error(`--against: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

function colors(): ReturnType<typeof pc.createColors> {
  return pc.createColors(Boolean(pc.isColorSupported && process.stdout.isTTY));
}
