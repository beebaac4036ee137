/*
 * An application, and its test in the simulator before it is flashed. Eight
 * rooms measure their temperature, and every fan runs while the warmest room has
 * more than 26 °C.
 *
 *   node --import tsx desktop/simulator/examples/fan.ts [seed]
 */
import { pathToFileURL } from "node:url";
import { Gossip, type GossipStorage, type Platform, minMax } from "../../../src/gossip.js";
import { type SimNode, SimNetwork, checkAgreement, split } from "../index.js";

const WARM_CELSIUS = 26;
const ROOMS = 8;
const MINUTE_MS = 60000;

/** The application. On a board, `platform` is `moddablePlatform()` and `setFan` sets a pin. */
export function startFan(platform: Platform, storage: GossipStorage, setFan: (isOn: boolean) => void): Gossip {
  const temperatures = minMax({
    onChange: (_minimum, maximum) => setFan(maximum !== undefined && maximum > WARM_CELSIUS),
  });
  const gossip = new Gossip({ ...platform, storage, seedList: ["10.0.0.1"], views: [temperatures] });
  gossip.start();
  return gossip;
}

/** Simulates a warm afternoon with a split network, and returns how many fans ran at each stage. */
export function simulateFans(seed: number): { warm: number; split: number; cooled: number; violations: number } {
  const network = new SimNetwork({ seed, faults: { lossProbability: 0.2 } });
  const fans = new Map<SimNode, boolean>();
  for (let room = 0; room < ROOMS; room++) {
    network.addNode({
      start: (platform, storage, node) => startFan(platform, storage, (isOn) => fans.set(node, isOn)),
    });
  }
  const running = (): number => [...fans.values()].filter((isOn) => isOn).length;

  network.schedule(0, () => network.nodes.forEach((node) => node.push(21)));
  network.runFor(5 * MINUTE_MS);
  network.nodes[3].push(28.5);
  network.runFor(2 * MINUTE_MS);
  const warm = running();

  // The warm room and three others are cut off and cool down; the other rooms do not learn of it yet.
  network.faults.cuts = [split(network.nodes.slice(0, 4), network.nodes.slice(4))];
  network.nodes[3].push(22);
  network.runFor(MINUTE_MS);
  const whileSplit = running();

  network.faults.cuts = [];
  network.faults.lossProbability = 0;
  network.runFor(15 * MINUTE_MS);
  return { warm, split: whileSplit, cooled: running(), violations: checkAgreement(network).length };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const seed = Number(process.argv[2] ?? 1);
  const { warm, split: whileSplit, cooled, violations } = simulateFans(seed);
  console.log(`seed ${seed}: ${warm} of ${ROOMS} fans run when a room is warm`);
  console.log(`${whileSplit} a minute after it cooled down, in a network that is split`);
  console.log(`${cooled} when the split is over; the nodes ${violations === 0 ? "agree" : "do not agree"}`);
}
