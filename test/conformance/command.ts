import { parseArgs } from "node:util";
import { firstDifference, hashOf, onV8, onXs } from "./replay.js";
import { record } from "./trace.js";

/* Replays one recorded trace on V8 and on 32-bit XS and compares all outputs. Exit status 1 when they differ. */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "100000" },
  },
});

const traces = record(Number(values.seed), Number(values.steps));
const steps = traces.reduce((sum, trace) => sum + trace.lines.length, 0);
const hashes: Record<string, string> = {};
for (const replayer of [onV8(), await onXs()]) {
  hashes[replayer.name] = await hashOf(replayer, traces);
  await replayer.close();
}
const equal = new Set(Object.values(hashes)).size === 1;
const difference = equal ? undefined : await firstDifference(() => Promise.resolve(onV8()), onXs, traces);

if (values.json) {
  console.log(JSON.stringify({ seed: Number(values.seed), nodes: traces.length, steps, equal, hashes, difference }));
} else {
  console.log(`seed ${values.seed}: ${steps} inputs of ${traces.length} nodes`);
  for (const [name, hash] of Object.entries(hashes)) console.log(`${name.padEnd(6)} ${hash}`);
  if (difference !== undefined) {
    console.log(`node ${difference.node} differs first at step ${difference.step}: ${difference.line}`);
    for (const [name, output] of Object.entries(difference.outputs)) console.log(`${name.padEnd(6)} ${output}`);
  }
}
process.exitCode = equal ? 0 : 1;
