import { randomBytes } from "node:crypto";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { CORPUS, readCorpus, replay } from "./corpus.js";
import { type FuzzResult, fuzz } from "./fuzz.js";
import { longLives } from "./long-life.js";
import { targets } from "./targets.js";

/*
 * Sends generated and mutated datagrams to running nodes: npm run fuzz -- [options]
 *
 *   --seconds n     time limit, 60 by default; no limit when --inputs is given
 *   --inputs n      limit of inputs; with a seed, the inputs are the same each time
 *   --seed n        seed of all inputs, 0 to 4294967295; random by default, and printed
 *   --target name   only this target; repeatable
 *   --long n        instead, sends n datagrams to each of four nodes, and reports their memory:
 *                   node --expose-gc --import tsx fuzz/command.ts --long 1000000
 *   --json          prints one JSON object
 *
 * First all sessions of the corpus are replayed. A session that fails is
 * shortened and written to the corpus. Exit status: 0 without failures, 1 with
 * failures, 2 for a wrong option.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    inputs: { type: "string" },
    seed: { type: "string" },
    target: { type: "string", multiple: true },
    long: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seed = number("seed", values.seed, randomBytes(4).readUInt32LE(), 0xffffffff);
const inputs = number("inputs", values.inputs, Infinity, 1e12);
const seconds = number("seconds", values.seconds, inputs === Infinity ? 60 : Infinity, 1e7);
const chosen = targets.filter(({ name }) => values.target === undefined || values.target.includes(name));
if (chosen.length === 0) usage(`--target: not one of ${targets.map(({ name }) => name).join(", ")}`);

if (values.long !== undefined) {
  for (const life of longLives(number("long", values.long, 0, 1e9), seed)) console.log(JSON.stringify(life));
  process.exit();
}
if (!values.json) console.log(`seed ${seed}, targets ${chosen.map(({ name }) => name).join(", ")}`);
const old = readCorpus().flatMap(({ name, target, lines }) => {
  const found = chosen.find((one) => one.name === target);
  const message = found === undefined ? undefined : replay(found, lines);
  return message === undefined ? [] : [{ target, message, file: name }];
});
const startMs = performance.now();
const result = fuzz(chosen, { seed, inputs, endMs: startMs + seconds * 1000, corpus: CORPUS });
result.failures.unshift(...old);
if (values.json) console.log(JSON.stringify(result));
else print(result, (performance.now() - startMs) / 1000);
process.exitCode = result.failures.length === 0 ? 0 : 1;

function print(fuzzed: FuzzResult, tookSeconds: number): void {
  console.log(`${fuzzed.inputs} inputs in ${fuzzed.sessions} sessions, ${tookSeconds.toFixed(1)} s`);
  for (const [name, counts] of Object.entries(fuzzed.counts)) {
    const datagrams = Object.values(counts).reduce((sum, count) => sum + count, 0);
    console.log(`${name}: ${datagrams} datagrams`);
    const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
    for (const [outcome, count] of sorted) console.log(`  ${String(count).padStart(10)}  ${outcome}`);
  }
  for (const { target, message, file } of fuzzed.failures) {
    console.log(`FAILED ${target}: ${message}\n  ${relative(process.cwd(), file)}`);
  }
}

function number(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) usage(`--${name}: ${text} is not an integer from 0 to ${most}`);
  return value;
}

function usage(message: string): never {
  console.error(message);
  process.exit(2);
}
