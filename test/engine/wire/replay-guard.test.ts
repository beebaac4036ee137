import assert from "node:assert/strict";
import fc from "fast-check";
import { FRESH, ReplayGuard, REPLAYED, UNPROVEN } from "../../../src/engine/wire/replay-guard.js";
import { FrameReader } from "../../../src/engine/wire/frame-reader.js";
import { TYPE_DIFF, TYPE_SYN } from "../../../src/engine/wire/frame.js";
import {
  DROP_LENGTH, DROP_REPLAY, DROP_SEAL, DROP_UNASKED, DROP_UNPROVEN, DROP_UNSEALED,
} from "../../../src/engine/wire/drops.js";
import { NOTIFY_STRANGER, Engine, type EngineOptions, SEAL_BYTES, type Sealer, UP } from "../../../src/engine/index.js";
import { RowData, Rows } from "../../../src/engine/table/rows.js";
import { nodeSealing } from "../../../desktop/platform/node-sealing.js";
import { propertyOptions } from "../../support/random.js";
import { engineOptions } from "../../support/engine-options.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { takeNotifications } from "../../support/engine-outputs.js";
import { held, table } from "../../support/engine-state.js";

const ROUND = 10000;
const KEY = new Uint8Array(32).map((_, i) => i);
const OTHER_KEY = new Uint8Array(32).map((_, i) => 255 - i);

const sealed = (key = KEY, other?: Uint8Array): Partial<EngineOptions> => ({ sealer: nodeSealing(key, other) });

function pair(): { network: EngineNetwork; a: Engine; b: Engine } {
  const network = new EngineNetwork();
  const a = network.add(1, sealed(), [], 3);
  const b = network.add(2, sealed(), [1], 5);
  network.publish(2, [0x63, 0x61, 0x62, 0x63]);
  network.run(3 * ROUND);
  return { network, a, b };
}

/** What node 1 makes of frames that somebody recorded and sends again. */
function replay(network: EngineNetwork, frames: readonly Sent[]): { sentBytes: number; receivedBytes: number } {
  network.sent.length = 0;
  let receivedBytes = 0;
  for (const { from, bytes } of frames) {
    // Nothing but the frames themselves: the answers reach nobody.
    network.lose = () => true;
    receivedBytes += bytes.length;
    network.deliver(1, from, bytes);
  }
  network.lose = () => false;
  const sentBytes = network.sent.filter((sent) => sent.from === 1).reduce((sum, { bytes }) => sum + bytes.length, 0);
  return { sentBytes, receivedBytes };
}

describe("ReplayGuard: sealed nodes", () => {
  it("sealed nodes agree, and their datagrams show no value", () => {
    const { network, a, b } = pair();
    assert.deepEqual(table(a), table(b));
    assert.deepEqual(held(a.rows, 2)?.value, [0x63, 0x61, 0x62, 0x63]);
    for (const { bytes } of network.sent) assert.ok(!Buffer.from(bytes).includes("abc"));
  });

  it("sealed nodes in sync send SYNs and ACKs of at most 48 bytes", () => {
    const { network } = pair();
    network.run(10 * ROUND);
    network.sent.length = 0;
    network.run(10 * ROUND);
    assert.ok(network.sent.length > 10);
    for (const { bytes } of network.sent) assert.ok(bytes.length <= 48, `${bytes.length} bytes`);
  });

  it("sealed nodes neither take nor answer a frame that is unsealed or has another key", () => {
    for (const [options, reason] of [[{}, DROP_UNSEALED], [sealed(OTHER_KEY), DROP_SEAL]] as const) {
      const { network, a } = pair();
      const before = table(a);
      network.add(9, options, [1]);
      network.publish(9, [1], 1);
      network.sent.length = 0;
      network.notified.length = 0;
      network.run(5 * ROUND);
      assert.deepEqual(table(a).map(({ id }) => id), before.map(({ id }) => id));
      assert.ok(a.stats.drops(reason) > 1);
      assert.equal(network.sent.filter(({ from, to }) => from === 1 && to === 9).length, 0);
    }
  });

  /** How many of the strangers at ten addresses node 1 is told of, who send to it for some rounds. */
  function strangersOf(flags: number, rounds: number): number {
    const { network, a } = pair();
    const isOfStranger = ({ kind }: { kind: number }) => kind === NOTIFY_STRANGER;
    let count = 0;
    for (let round = 0; round < rounds; round++) {
      for (let address = 10; address < 20; address++) {
        const frame = Uint8Array.from([0xc1, flags, 0, 0, 0, 9, 0, 1, ...new Uint8Array(40)]);
        a.receive(network.nowMs, address, 5000, frame, frame.length);
        count += takeNotifications(a).filter(isOfStranger).length;
      }
      network.run(ROUND);
      assert.equal(a.stats.drops(flags === 0x11 ? DROP_SEAL : DROP_UNSEALED), 10 * (round + 1));
    }
    return count + network.notified.filter(isOfStranger).length;
  }

  it("a sealed node notifies of a stranger without a key at once, once for each of the first addresses", () => {
    assert.equal(strangersOf(0x01, 1), 4);
    assert.equal(strangersOf(0x01, 20), 4);
  });

  it("a sealed node notifies of a stranger with another key after 8 rounds", () => {
    assert.equal(strangersOf(0x11, 6), 0);
    assert.equal(strangersOf(0x11, 12), 4);
  });

  it("a sealed node does not notify of a node that takes it for the one that had its address before", () => {
    const network = new EngineNetwork();
    for (let id = 1; id <= 3; id++) network.add(id, { ...sealed(), randomSeed: id }, [1]);
    network.run(10 * ROUND);
    // The device is replaced: node 9 has the address of node 2.
    const heir = network.add(2, { ...sealed(), id: 9, randomSeed: 20 }, [1]);
    network.run(60 * ROUND);
    assert.ok(heir.stats.drops(DROP_SEAL) > 0);
    assert.deepEqual(network.notified.filter(({ kind }) => kind === NOTIFY_STRANGER), []);
    assert.equal(held(network.engines.get(1)!.rows, 9)?.state, UP);
  });

  it("what cannot be a frame is refused before the sealer sees it", () => {
    let unsealed = 0;
    const sealer = nodeSealing(KEY, undefined);
    const unseal: Sealer["unseal"] = (...args) => {
      unsealed++;
      return sealer.unseal(...args);
    };
    const engine = new Engine(engineOptions({ sealer: { seal: (...args) => sealer.seal(...args), unseal } }));
    engine.start(0, 1, true);
    const receive = (bytes: Uint8Array) => engine.receive(1, 9, 5000, bytes, bytes.length);
    const head = [0xc1, 0x11, 0, 0, 0, 9, 0, 1];
    for (const bytes of [30, 1473, 9000, 65507]) receive(Uint8Array.of(...head, ...new Uint8Array(bytes - 8)));
    assert.equal(unsealed, 0);
    assert.equal(engine.stats.drops(DROP_LENGTH), 4);
    assert.deepEqual(takeNotifications(engine), []);
    for (const bytes of [31, 1472]) receive(Uint8Array.of(...head, ...new Uint8Array(bytes - 8)));
    assert.equal(unsealed, 2);
    assert.equal(engine.stats.drops(DROP_SEAL), 2);
  });

  it("a node without a key refuses a frame longer than 1,472 bytes", () => {
    const engine = new Engine(engineOptions());
    engine.start(0, 1, true);
    // A SYN with a section that no node knows, which is skipped.
    const frame = (bytes: number) => {
      const section = bytes - 15;
      return Uint8Array.of(
        0xc1, 0x01, 0, 0, 0, 9, 0, 1, 0, ...new Uint8Array(6), (30 << 3) | ((section - 2) >> 8), (section - 2) & 255,
        ...new Uint8Array(section - 2),
      );
    };
    for (const [bytes, drops] of [[1472, 0], [1473, 1], [9000, 2]] as const) {
      engine.receive(1, 9, 5000, frame(bytes), bytes);
      assert.equal(engine.stats.drops(DROP_LENGTH), drops);
    }
  });

  it("nodes unseal frames of both keys while keys are changed", () => {
    const network = new EngineNetwork();
    const nodes = [network.add(1, sealed(KEY, OTHER_KEY)), network.add(2, sealed(OTHER_KEY, KEY), [1])];
    network.run(3 * ROUND);
    assert.equal(table(nodes[0]).length, 2);
    assert.deepEqual(table(nodes[0]), table(nodes[1]));
  });
});

describe("ReplayGuard: a replayed datagram", () => {
  it("a replayed datagram changes nothing", () => {
    const { network, a } = pair();
    network.run(5 * ROUND);
    const recorded = network.sent.filter(({ from, to }) => from === 2 && to === 1);
    network.publish(2, [7]);
    network.run(2 * ROUND);
    const before = table(a);
    const drops = () => [DROP_REPLAY, DROP_UNPROVEN, DROP_UNASKED].reduce((sum, one) => sum + a.stats.drops(one), 0);
    const dropsBefore = drops();
    replay(network, recorded);
    assert.deepEqual(table(a), before);
    assert.equal(drops() - dropsBefore, recorded.length);
  });

  it("a replayed datagram does not make its sender look alive", () => {
    const { network, a } = pair();
    const recorded = network.sent.filter(({ from, to }) => from === 2 && to === 1);
    network.engines.delete(2);
    for (let round = 0; round < 40; round++) {
      replay(network, recorded);
      network.run(ROUND);
    }
    assert.equal(held(a.rows, 2)?.state, 3);
  });

  it("a node that has just started neither accepts a replay nor answers with over three times its bytes", () => {
    const { network } = pair();
    network.run(20 * ROUND);
    const recorded = network.sent.slice();
    const reborn = new EngineNetwork();
    reborn.nowMs = network.nowMs + 1000;
    const a = reborn.add(1, { ...sealed(), randomSeed: 2 }, [], 4);
    const { sentBytes, receivedBytes } = replay(reborn, recorded.filter(({ to }) => to === 1));
    assert.deepEqual(table(a).map(({ id }) => id), [1]);
    assert.ok(sentBytes <= 3 * receivedBytes, `${sentBytes} for ${receivedBytes} bytes`);
  });

  it("a node neither accepts its own datagram nor takes it for another device's", () => {
    const { network, a } = pair();
    const own = network.sent.filter(({ from }) => from === 1).map((sent) => ({ ...sent, from: 66 }));
    network.run(5 * ROUND);
    network.notified.length = 0;
    const before = table(a);
    replay(network, own);
    assert.deepEqual(table(a), before);
    assert.deepEqual(network.notified, []);
  });

  it("a datagram of an earlier life does no harm to a node whose storage was wiped", () => {
    const { network, a } = pair();
    network.run(3 * ROUND);
    const recorded = network.sent.filter(({ from, to }) => from === 2 && to === 1);
    network.add(2, { ...sealed(), randomSeed: 77 }, [1], 0, false);
    replay(network, recorded);
    network.run(4 * ROUND);
    replay(network, recorded);
    network.run(2 * ROUND);
    const b = network.engines.get(2)!;
    assert.equal(b.revision(), 6, "it went beyond what others knew");
    assert.deepEqual(table(a), table(b));
  });
});

it("peers accept a node without storage, always at revision 0, again after each start", () => {
  const network = new EngineNetwork();
  const a = network.add(1, sealed());
  for (let start = 0; start < 6; start++) {
    network.add(2, { ...sealed(), randomSeed: 100 + start }, [1], 0, false);
    network.publish(2, [start]);
    network.run(4 * ROUND);
    assert.deepEqual(held(a.rows, 2)?.value, [start]);
  }
});

/** A guard that knows one peer, at slot 1, and frames from it. */
class Judge {
  readonly rows = new Rows(4, 0);
  readonly guard = new ReplayGuard(nodeSealing(KEY, undefined), this.rows);
  private readonly frame = new FrameReader();

  constructor() {
    for (const id of [1, 2]) this.rows.merge(Object.assign(new RowData(), { id }), new Uint8Array(0));
  }

  judge(counter: number, inReplyTo = -1, revision = 0): number {
    const answers = inReplyTo >= 0;
    Object.assign(this.frame, { id: 2, revision, counter, inReplyTo, type: answers ? TYPE_DIFF : TYPE_SYN });
    return this.guard.check(this.frame, this.rows.find(2), answers);
  }
}

describe("ReplayGuard: the window", () => {
  it("the window opens only for an answer", () => {
    const judge = new Judge();
    assert.equal(judge.judge(100), UNPROVEN);
    assert.equal(judge.judge(101, 50), FRESH);
    assert.equal(judge.judge(102), FRESH);
    assert.equal(judge.judge(101, 50), REPLAYED);
  });

  it("the window admits each of 32 counters once, in any order, but none from before it opened", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 900, max: 1100 }), { maxLength: 300 }), (counters) => {
      const judge = new Judge();
      judge.judge(1000, 1);
      let highest = 1000;
      const came = new Set([1000]);
      for (const counter of counters) {
        const isFresh = counter > highest || (counter > Math.max(1000, highest - 32) && !came.has(counter));
        assert.equal(judge.judge(counter) === FRESH, isFresh, `${counter} after ${highest}`);
        if (isFresh) came.add(counter);
        highest = Math.max(highest, counter);
      }
    }), propertyOptions(500));
  });

  it("the window moves back, or to another start, only for an echo newer than the last", () => {
    const judge = new Judge();
    judge.judge(5000, 40);
    assert.equal(judge.judge(10, 40), REPLAYED);
    assert.equal(judge.judge(10), UNPROVEN);
    assert.equal(judge.judge(10, 41), FRESH);
    assert.equal(judge.judge(9, 41), REPLAYED, "from before the echo");
    assert.equal(judge.judge(3, 42, 7), FRESH, "another revision");
    assert.equal(judge.judge(5001), UNPROVEN, "the revision before");
    assert.equal(judge.judge(5001, 42), REPLAYED);
  });

  it("the window moves at most 65,535 ahead, and one echo moves it back to the peer's real counter", () => {
    const judge = new Judge();
    judge.judge(1000, 40);
    assert.equal(judge.judge(0xffffffff), UNPROVEN);
    assert.equal(judge.judge(1000 + 0x10000), UNPROVEN);
    assert.equal(judge.judge(1000 + 0xffff), FRESH, "forged");
    assert.equal(judge.judge(1001), UNPROVEN, "it is challenged");
    assert.equal(judge.judge(1002, 41), FRESH, "and proves that it is there");
    assert.equal(judge.judge(1003), FRESH);
  });
});

it("a seal adds 16 bytes", () => {
  const lengths = [{}, sealed()].map((options) => {
    const network = new EngineNetwork();
    network.add(1, options, [2]);
    network.run(ROUND / 4);
    return network.sent[0].bytes.length;
  });
  assert.equal(lengths[1] - lengths[0], SEAL_BYTES);
  assert.equal(SEAL_BYTES, 16);
});
