import assert from "node:assert/strict";
import { OWN_SLOT, UP } from "../../src/engine/index.js";
import { RowData } from "../../src/engine/table/rows.js";
import { SUSPECT } from "../../src/engine/table/states.js";
import { type VectorRow, claimsAbout } from "./wire/frame-support.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";
import { takeDatagrams } from "../support/engine-outputs.js";
import { held, ownHeartbeat } from "../support/engine-state.js";

/** Of random numbers: each of them is another network. */
const SEEDS = 30;

/** 12 nodes. */
function makeNetwork(randomSeed: number): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= 12; node++) network.add(node, { randomSeed }, [1]);
  return network;
}

function addressIn(network: EngineNetwork, holder: number, id: number): number {
  const { rows } = network.engines.get(holder)!;
  return rows.address(rows.find(id));
}

describe("Engine: a node's own address", () => {
  it("a node learns its address from others when the platform does not know it", () => {
    const network = new EngineNetwork();
    const a = network.add(1, { address: 0 });
    network.add(2, {}, [1]);
    network.add(3, {}, [1]);
    network.run(10 * ROUND_MS);
    assert.equal(a.rows.address(OWN_SLOT), 1);
    assert.equal(ownHeartbeat(a), 0, "the others hold it already, so no announcement is due");
    assert.deepEqual([addressIn(network, 2, 1), addressIn(network, 3, 1)], [1, 1]);
  });

  it("all nodes follow an address that changes without a restart within 8 rounds, mostly without suspicion", () => {
    let suspected = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const network = makeNetwork(seed);
      network.run(30 * ROUND_MS);
      network.notified.length = 0;
      network.move(5, 105);
      network.run(8 * ROUND_MS);
      for (const holder of network.engines.keys()) {
        assert.equal(addressIn(network, holder, 5), 105, `seed ${seed}, at node ${holder}`);
      }
      const doubts = network.notified.filter(({ state }) => state !== UP);
      assert.deepEqual(doubts.filter(({ id, state }) => id !== 5 || state !== SUSPECT), [], `seed ${seed}`);
      if (doubts.length > 0) suspected++;
      network.notified.length = 0;
      network.run(20 * ROUND_MS);
      assert.deepEqual(network.notified.filter(({ state }) => state !== UP), [], `seed ${seed}`);
    }
    // It is where a probe of the old address ends before the moved node's next round.
    assert.ok(suspected <= SEEDS / 3, `suspected in ${suspected} of ${SEEDS} networks`);
  });

  it("a new address restarts the probes of its node", () => {
    /** Two nodes and one that can't be reached, from `movesAtMs` on under another address. */
    const suspectedAtMs = (movesAtMs: number): number => {
      const network = new EngineNetwork();
      const { rows } = network.add(1, {}, [2]);
      network.add(2, {}, [1]);
      network.add(3, {}, [1]);
      network.run(20 * ROUND_MS);
      network.lose = ({ from, to }) => from === 2 || to === 2 || to === 102;
      for (; held(rows, 2)?.state === UP; network.run(50)) {
        if (network.nowMs !== movesAtMs) continue;
        network.deliver(1, 250, claimsAbout({ id: 2, address: 102, heartbeat: held(rows, 2)!.heartbeat + 1 }));
      }
      return network.nowMs;
    };
    const steadyMs = suspectedAtMs(0);
    assert.ok(suspectedAtMs(steadyMs - 100) >= steadyMs + ROUND_MS / 2, "it has hardly been probed at the new address");
  });

  it("a moved node makes one announcement, and no other node makes any", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const network = makeNetwork(seed);
      // In the 48 rounds after its start no node ends a rest.
      network.run(25 * ROUND_MS);
      const before = [...network.engines].map(([node, engine]) => [node, ownHeartbeat(engine)]);
      network.move(5, 105);
      network.run(20 * ROUND_MS);
      for (const [node, heartbeat] of before) {
        const engine = network.engines.get(node === 5 ? 105 : node)!;
        assert.equal(ownHeartbeat(engine) > heartbeat, node === 5, `seed ${seed}, node ${node}`);
      }
    }
  });

  it("a node whose address each peer sees differently announces itself at most once a round", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    network.add(2, {}, [1]);
    network.add(3, {}, [1]);
    network.run(10 * ROUND_MS);
    let statements = 0;
    let last = ownHeartbeat(a);
    for (let i = 0; i < 200; i++) {
      // As if two others saw it behind different addresses.
      const row = Object.assign(new RowData(), {
        id: 1, address: 70 + i % 2, port: PORT, revision: a.revision(), heartbeat: ownHeartbeat(a),
      });
      network.run(100);
      tellOfSelf(network, row);
      if (ownHeartbeat(a) !== last) statements++;
      last = ownHeartbeat(a);
    }
    assert.ok(statements >= 1 && statements <= 3, `${statements} statements in two rounds`);
  });
});

/** Node 2 sends node 1's row to node 1, as node 2 holds it. */
function tellOfSelf(network: EngineNetwork, { address, revision, heartbeat }: RowData): void {
  const { rows } = network.engines.get(2)!;
  const slot = rows.find(1);
  rows.setAddress(slot, address, PORT);
  rows.setStatement(slot, revision, heartbeat, UP);
  rows.markUpdate(slot);
  network.engines.get(2)!.publish(network.nowMs, new Uint8Array(0), 0, 1, PORT);
  network.deliver(1, 2, takeDatagrams(network.engines.get(2)!)[0].bytes);
}

describe("Engine: seeds learnt from rows", () => {
  /** A node whose seeds are two that a user gave, and one place for what it learns. */
  function seedsAfter(...rows: Partial<VectorRow>[]): number[] {
    const network = new EngineNetwork();
    const engine = network.add(1, { seedCapacity: 3 }, [100, 101]);
    for (const row of rows) network.deliver(1, 250, claimsAbout({ revision: 1, ...row }));
    assert.equal(held(engine.rows, 7)?.state, UP);
    return Array.from({ length: engine.seeds.count }, (_, i) => engine.seeds.address(i));
  }

  it("a node learns the addresses of new rows", () => {
    assert.deepEqual(seedsAfter({}), [100, 101, 7]);
    assert.deepEqual(seedsAfter({}, { id: 8, address: 8 }), [100, 101, 8]);
  });

  it("a node learns no address from a row that is only fresher", () => {
    assert.deepEqual(seedsAfter({}, { id: 8, address: 8 }, { heartbeat: 5 }, { revision: 2 }), [100, 101, 8]);
  });

  it("a node learns the addresses of nodes that moved", () => {
    assert.deepEqual(seedsAfter({}, { id: 8, address: 8 }, { heartbeat: 5, address: 77 }), [100, 101, 77]);
    assert.deepEqual(seedsAfter({}, { id: 8, address: 8 }, { heartbeat: 5, port: 5001 }), [100, 101, 7]);
  });
});
