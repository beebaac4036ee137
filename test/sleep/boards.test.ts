import assert from "node:assert/strict";
import { SimNetwork, SimSleeper } from "../../desktop/simulator/index.js";
import { auto, espgossip } from "../../src/espgossip/index.js";
import { Gossip } from "../../src/gossip.js";

describe("a sleeper beside boards of ESPGossip", () => {
  it("is up for them: a bridge vouches for it, and its heartbeat goes on", () => {
    const sim = new SimNetwork({ seed: 5 });
    const seedList = ["10.0.0.1", "10.0.0.2"];
    sim.addNode({ options: { dialect: auto(), seedList } });
    sim.addNode({ options: { seedList } });
    const sleeper = new SimSleeper({ firstSleepMs: 300000, value: () => ({ temp: 21.5 }), options: { seedList } });
    const asleep = sim.addNode({ start: sleeper.start });
    const states: string[] = [];
    const board = sim.addNode({
      start: (platform, storage) => {
        const gossip = new Gossip({
          ...platform, storage, seedList, dialect: espgossip(),
          onState: ({ address, state }) => { if (address === "10.0.0.3") states.push(state); },
        });
        gossip.start();
        gossip.push({ on: true });
        return gossip;
      },
    });
    sim.runFor(400000);
    assert.equal(asleep.isRunning, false);
    states.length = 0;
    const heartbeats: number[] = [];
    for (let minute = 0; minute < 60; minute++) {
      sim.runFor(60000);
      const row = board.gossip!.row("10.0.0.3");
      assert.ok(row !== undefined && ["up", "probed"].includes(row.state), `${row?.state} in minute ${minute}`);
      assert.deepEqual(row.data, { temp: 21.5 });
      heartbeats.push(row.heartbeat);
    }
    assert.ok(heartbeats[59] > heartbeats[0] + 100, "the heartbeat goes on");
    assert.deepEqual(states, []);
    assert.ok(sleeper.wakings >= 4 && sleeper.unheard === 0);
  });
});
