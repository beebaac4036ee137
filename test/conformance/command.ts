import { parseArgs } from "node:util";
import { onEspruino } from "./espruino.js";
import { type Difference, type Replayer, firstDifference, hashOf, onV8, onXs } from "./replay.js";
import { record } from "./trace.js";

/*
 * Replays one recorded trace on V8, on 32-bit XS and, with --espruino and the
 * path of its build for Linux, on Espruino, minified and lean, and compares all
 * outputs. Exit status 1 when they differ.
 */
const { values } = parseArgs({
  options: {
    espruino: { type: "string" },
    json: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "100000" },
  },
});

const traces = record(Number(values.seed), Number(values.steps));
const steps = traces.reduce((sum, trace) => sum + trace.lines.length, 0);
const { espruino } = values;
const others = espruino === undefined ? [onXs] : [
  onXs, () => onEspruino(espruino, "minified"), () => onEspruino(espruino, "lean"),
];
const v8 = () => Promise.resolve(onV8());
const hashes: Record<string, string> = {};
let difference: Difference | undefined;
const expected = await hash(v8);
for (const other of others) {
  if (await hash(other) !== expected) difference ??= await firstDifference(v8, other, traces);
}
const equal = new Set(Object.values(hashes)).size === 1;

if (values.json) {
  console.log(JSON.stringify({ seed: Number(values.seed), nodes: traces.length, steps, equal, hashes, difference }));
} else {
  console.log(`seed ${values.seed}: ${steps} inputs of ${traces.length} nodes`);
  for (const [name, hashed] of Object.entries(hashes)) console.log(`${name.padEnd(13)} ${hashed}`);
  if (difference !== undefined) {
    console.log(`node ${difference.node} differs first at step ${difference.step}: ${difference.line}`);
    for (const [name, output] of Object.entries(difference.outputs)) console.log(`${name.padEnd(13)} ${output}`);
  }
}
process.exitCode = equal ? 0 : 1;

async function hash(make: () => Promise<Replayer>): Promise<string> {
  const replayer = await make();
  const hashed = await hashOf(replayer, traces);
  hashes[replayer.name] = hashed;
  await replayer.close();
  return hashed;
}
