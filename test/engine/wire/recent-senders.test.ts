import assert from "node:assert/strict";
import { FRESH, ReplayGuard, REPLAYED, UNPROVEN } from "../../../src/engine/wire/replay-guard.js";
import { FrameReader } from "../../../src/engine/wire/frame-reader.js";
import { TYPE_DIFF, TYPE_SYN } from "../../../src/engine/wire/frame.js";
import { RowData, Rows } from "../../../src/engine/table/rows.js";
import { OWN_SLOT } from "../../../src/engine/index.js";
import { pureSealing } from "../../../src/sealing/aes.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { held, table } from "../../support/engine-state.js";

const KEY = new Uint8Array(32);
const sealing = pureSealing();

/** A guard that has a row for nobody but itself, until it learns of one. */
class Gate {
  readonly rows = new Rows(64, 0);
  private readonly guard = new ReplayGuard(sealing(KEY, undefined), this.rows);
  private readonly frame = new FrameReader();

  constructor() {
    this.learn(1);
  }

  learn(id: number): void {
    this.rows.merge(Object.assign(new RowData(), { id }), new Uint8Array(0));
  }

  judge(id: number, counter: number, inReplyTo = -1, revision = 0): number {
    const answers = inReplyTo >= 0;
    Object.assign(this.frame, { id, revision, counter, inReplyTo, type: answers ? TYPE_DIFF : TYPE_SYN });
    return this.guard.check(this.frame, this.rows.find(id), answers);
  }
}

describe("RecentSenders: an answer of a node without a row", () => {
  it("a node accepts an answer once, and the frames that follow it", () => {
    const gate = new Gate();
    assert.equal(gate.judge(2, 100, 50), FRESH);
    assert.equal(gate.judge(2, 100, 50), REPLAYED);
    assert.equal(gate.judge(2, 101, 50), FRESH, "the next of a burst");
    assert.equal(gate.judge(2, 100, 50), REPLAYED);
    assert.equal(gate.judge(3, 100, 50), FRESH, "another node answers the same broadcast");
  });

  it("a node does not accept the answer again after others sent the sender's row", () => {
    const gate = new Gate();
    assert.equal(gate.judge(2, 100, 50), FRESH);
    gate.learn(2);
    assert.equal(gate.judge(2, 100, 50), REPLAYED);
    assert.equal(gate.judge(2, 102, 51), FRESH);
  });

  it("a node accepts an answer of another start if its echo is newer", () => {
    const gate = new Gate();
    assert.equal(gate.judge(2, 100, 50), FRESH);
    assert.equal(gate.judge(2, 7, 50, 1), REPLAYED);
    assert.equal(gate.judge(2, 7, 51, 1), FRESH);
    assert.equal(gate.judge(2, 101, 50), REPLAYED);
  });

  it("a node does not accept the answer again after many others came", () => {
    const gate = new Gate();
    for (let id = 2; id < 40; id++) assert.equal(gate.judge(id, 100, 50 + id), FRESH);
    for (let id = 2; id < 40; id++) assert.equal(gate.judge(id, 100, 50 + id), REPLAYED, `node ${id}`);
    assert.equal(gate.judge(2, 101, 100), FRESH);
  });
});

describe("ReplayGuard: a row that was removed", () => {
  it("a node does not accept an answer again after its sender's row was removed", () => {
    const gate = new Gate();
    gate.learn(2);
    assert.equal(gate.judge(2, 100, 50), FRESH);
    gate.rows.remove(gate.rows.find(2));
    assert.equal(gate.judge(2, 100, 50), REPLAYED);
    assert.equal(gate.judge(2, 99, 49), REPLAYED, "it never arrived");
    assert.equal(gate.judge(2, 101, 51), FRESH);
    assert.equal(gate.judge(2, 101, 51), REPLAYED);
  });

  it("a node does not accept the answer after another row took the place", () => {
    const gate = new Gate();
    gate.learn(2);
    const slot = gate.rows.find(2);
    assert.equal(gate.judge(2, 100, 50), FRESH);
    gate.rows.remove(slot);
    gate.learn(3);
    assert.equal(gate.rows.find(3), slot);
    assert.equal(gate.judge(3, 7, 60), FRESH);
    assert.equal(gate.judge(2, 100, 50), REPLAYED);
    assert.equal(gate.judge(2, 101, 51), FRESH);
  });
});

describe("ReplayGuard: a counter far above the highest", () => {
  it("the counter needs an echo, since it may be of an earlier start under the same revision", () => {
    const gate = new Gate();
    gate.learn(2);
    assert.equal(gate.judge(2, 1000, 50), FRESH);
    assert.equal(gate.judge(2, 1000 + 0xffff), FRESH);
    assert.equal(gate.judge(2, 1000 + 0x1ffff), UNPROVEN);
    assert.equal(gate.judge(2, 1000 + 0x1ffff, 50), REPLAYED);
    assert.equal(gate.judge(2, 1000 + 0x1ffff, 51), FRESH);
  });
});

describe("ReplayGuard: a challenge", () => {
  it("a challenge brings back a node whose storage was wiped and that sends no SYN", () => {
    const network = new EngineNetwork();
    const sealer = () => sealing(KEY, undefined);
    const a = network.add(1, { sealer: sealer(), randomSeed: 3 });
    network.add(2, { sealer: sealer(), randomSeed: 4 }, [1], 5);
    network.run(30000);
    assert.ok(a.rows.find(2) > 0);
    network.engines.delete(2);
    network.run(300000);
    // It knows nobody, and what it sends of its own accord is lost.
    network.lose = ({ from, bytes }) => from === 2 && (bytes[1] & 15) === TYPE_SYN;
    const b = network.add(2, { sealer: sealer(), randomSeed: 5 }, [], 0, false);
    network.run(300000);
    assert.equal(b.revision(), 6);
    assert.deepEqual(held(a.rows, 2), held(b.rows, 2));
    assert.deepEqual(table(b).map(({ id }) => id), [1, 2]);
  });

  it("a challenge does not count as a transmit of an update", () => {
    const network = new EngineNetwork();
    const a = network.add(1, { sealer: sealing(KEY, undefined) });
    network.add(2, { sealer: sealing(KEY, undefined), randomSeed: 2 }, [1]);
    network.run(20000);
    const recorded = network.sent.find(({ from, bytes }) => from === 2 && (bytes[1] & 15) === TYPE_SYN)!;
    // Node 1 starts again and has something to tell.
    const restarted = network.add(1, { sealer: sealing(KEY, undefined), randomSeed: 9 }, [], a.revision() + 1);
    network.engines.delete(2);
    network.publish(1, [5]);
    network.sent.length = 0;
    const before = restarted.rows.transmitsLeft(OWN_SLOT);
    assert.ok(before > 0);
    for (let i = 0; i < 50; i++) network.deliver(1, 2, recorded.bytes);
    assert.equal(restarted.rows.transmitsLeft(OWN_SLOT), before);
    assert.ok(network.sent.filter(({ from, to }) => from === 1 && to === 2).length === 50, "each was challenged");
  });
});
