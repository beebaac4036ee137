// An application in the simulator, before it is flashed: node examples/fan/simulate.js [SEED]
import { pathToFileURL } from "node:url";
import { SimNetwork, checkValues, split } from "chisme-cli/sim";
import { startFan } from "./app.js";

const ROOMS = 8;
const MINUTE_MS = 60000;

/**
 * Simulates a warm afternoon with a split network.
 *
 * @param {number} seed
 * @returns how many fans ran at each stage, and how often the nodes did not agree
 */
export function simulateFans(seed) {
  const network = new SimNetwork({ seed, faults: { lossProbability: 0.2 } });
  /** @type {boolean[]} */
  const fans = [];
  for (let room = 0; room < ROOMS; room++) {
    network.addNode({
      options: { seedList: ["10.0.0.1"] },
      start: (platform, storage) => startFan({ ...platform, storage }, (isOn) => { fans[room] = isOn; }),
    });
  }
  const running = () => fans.filter((isOn) => isOn).length;

  network.schedule(0, () => network.nodes.forEach((node) => node.push(21)));
  network.runFor(5 * MINUTE_MS);
  network.nodes[3].push(28.5);
  network.runFor(2 * MINUTE_MS);
  const warm = running();

  // The warm room and three others are cut off and cool down; the other rooms do not learn of it yet.
  network.faults.cuts = [split(network.nodes.slice(0, 4), network.nodes.slice(4))];
  network.nodes[3].push(22);
  network.runFor(MINUTE_MS / 2);
  const whileSplit = running();

  network.faults.cuts = [];
  network.faults.lossProbability = 0;
  network.runFor(15 * MINUTE_MS);
  // Values only: each node restates its row now and then, and such a statement may be on its way just now.
  return { warm, split: whileSplit, cooled: running(), violations: checkValues(network).length };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const seed = Number(process.argv[2] ?? 1);
  const { warm, split: whileSplit, cooled, violations } = simulateFans(seed);
  console.log(`seed ${seed}: ${warm} of ${ROOMS} fans run when a room is warm`);
  console.log(`${whileSplit} half a minute after it cooled down, in a network that is split`);
  console.log(`${cooled} when the split is over; the nodes ${violations === 0 ? "agree" : "do not agree"}`);
}
