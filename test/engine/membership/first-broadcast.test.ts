import assert from "node:assert/strict";
import { BROADCAST_ADDRESS, UP } from "../../../src/engine/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { ROUND_MS } from "../../support/engine-options.js";
import { held } from "../../support/engine-state.js";

/** Node 1 looks for the node `id`, which starts and is found. Returns how often that broadcasts in its first round. */
function broadcastsOf(id: number, seeds: number[]): number {
  const network = new EngineNetwork();
  network.add(1, {}, [id]);
  network.run(2 * ROUND_MS);
  const { rows } = network.add(id, {}, seeds);
  network.deliver(id, 1, network.sent.findLast(({ to }) => to === id)!.bytes);
  assert.equal(held(rows, 1)?.state, UP);
  network.run(ROUND_MS / 2);
  return network.sent.filter(({ from, to }) => from === id && to === BROADCAST_ADDRESS).length;
}

describe("the first broadcast of a node", () => {
  it("goes out although others have found the node before, once", () => {
    for (let id = 2; id < 20; id++) assert.equal(broadcastsOf(id, []), 1);
  });

  it("does not go out where the user gave a seed", () => {
    for (let id = 2; id < 20; id++) assert.equal(broadcastsOf(id, [1]), 0);
  });
});
