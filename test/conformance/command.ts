import { parseArgs } from "node:util";
import { TOPOLOGY_SHAPES, type TopologyShape } from "../../desktop/simulator/topology-shapes.js";
import { onEspruino } from "./espruino.js";
import { type Difference, type Replayer, firstDifference, hashOf, onV8, onXs } from "./replay.js";
import { type NodeTrace, TRACE_KEY, record } from "./trace.js";

/*
 * Replays recorded traces on V8, on 32-bit XS and, with --espruino and the path
 * of its build for Linux, on Espruino, minified and lean, and compares all
 * outputs: of a network where each node reaches all others, with half of the
 * steps; of one with --topology, a line by default, with the other half; and of
 * a grid with a key, with a tenth of the steps. Exit status 1 when outputs differ.
 */
const { values } = parseArgs({
  options: {
    espruino: { type: "string" },
    json: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "100000" },
    topology: { type: "string", default: "line" },
  },
});

/** AES in JavaScript takes XS ten times as long as the rest. */
const SEALED_PART = 10;

interface Comparison {
  steps: number;
  nodes: number;
  equal: boolean;
  hashes: Record<string, string>;
  difference: Difference | undefined;
}

const seed = Number(values.seed);
const steps = Number(values.steps);
const topology = shapeOf(values.topology);
const plain = await compare(record(seed, steps / 2));
const partial = await compare(record(seed, steps / 2, { topology }));
const sealed = await compare(record(seed, steps / SEALED_PART, { topology: "grid", key: TRACE_KEY }));
if (values.json) {
  console.log(JSON.stringify({ seed, ...plain, partial: { topology, ...partial }, sealed }));
} else {
  show("", plain);
  show(`, topology ${topology}`, partial);
  show(", topology grid, sealed", sealed);
}
process.exitCode = plain.equal && partial.equal && sealed.equal ? 0 : 1;

/** @throws Error that names the shapes */
function shapeOf(name: string): TopologyShape {
  const found = TOPOLOGY_SHAPES.find((shape) => shape.name === name);
  if (found !== undefined) return found.name;
  throw new Error(`--topology: ${name} is none of ${TOPOLOGY_SHAPES.map((shape) => shape.name).join(", ")}`);
}

async function compare(traces: NodeTrace[]): Promise<Comparison> {
  const { espruino } = values;
  const others = espruino === undefined ? [() => onXs()] : [
    () => onXs(), () => onEspruino(espruino, "minified"), () => onEspruino(espruino, "lean"),
  ];
  const v8 = () => Promise.resolve(onV8());
  const hashes: Record<string, string> = {};
  const expected = await hash(v8, traces, hashes);
  let difference: Difference | undefined;
  for (const other of others) {
    if (await hash(other, traces, hashes) !== expected) difference ??= await firstDifference(v8, other, traces);
  }
  const steps = traces.reduce((sum, trace) => sum + trace.lines.length, 0);
  return { steps, nodes: traces.length, equal: new Set(Object.values(hashes)).size === 1, hashes, difference };
}

async function hash(
  make: () => Promise<Replayer>, traces: NodeTrace[], hashes: Record<string, string>,
): Promise<string> {
  const replayer = await make();
  const hashed = await hashOf(replayer, traces);
  hashes[replayer.name] = hashed;
  await replayer.close();
  return hashed;
}

function show(kind: string, { steps, nodes, hashes, difference }: Comparison): void {
  console.log(`seed ${values.seed}: ${steps} inputs of ${nodes} nodes${kind}`);
  for (const [name, hashed] of Object.entries(hashes)) console.log(`${name.padEnd(8)} ${hashed}`);
  if (difference === undefined) return;
  console.log(`node ${difference.node} differs first at step ${difference.step}: ${difference.line}`);
  for (const [name, output] of Object.entries(difference.outputs)) console.log(`${name.padEnd(8)} ${output}`);
}
