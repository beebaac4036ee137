import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { SimNetwork, type SimNode, makeTopology } from "../../desktop/simulator/index.js";
import { RowData } from "../../src/engine/table/row-data.js";
import { DROP_NONE } from "../../src/engine/wire/drops.js";
import { SECTION_HEAD_BYTES, SECTION_TIME, sectionHead } from "../../src/engine/wire/frame.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { espgossip } from "../../src/espgossip/index.js";
import { Gossip, type GossipOptions } from "../../src/gossip.js";
import { linkTable } from "../../src/links/index.js";
import { sleeping } from "../../src/sleep/index.js";
import { status } from "../../src/status/index.js";
import { type NetworkTime, type NetworkTimeOptions, type TimeQuality, networkTime } from "../../src/time/index.js";
import { FakeNetwork, FakeNode, frameHex, joined } from "../support/fake-platform.js";

/** 2026-01-01. */
const T = 1767225600000;
const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Given {
  /** undefined: a node without the option `time`. */
  time?: NetworkTimeOptions | undefined;
  aheadMs?: number;
  skewPpm?: number;
  more?: Partial<GossipOptions>;
}

/** A simulated network, and the time of each of its nodes. */
class Times {
  readonly sim: SimNetwork;
  readonly times: (NetworkTime | undefined)[] = [];
  /** Arguments of `onSet` by node. */
  readonly sets: (number | undefined)[][] = [];
  /** Bytes of sections TIME by the type of their frame. */
  readonly bytes = [0, 0, 0, 0, 0];
  private readonly frame = new FrameReader();

  constructor(given: Given[], seed = 11) {
    this.sim = new SimNetwork({ seed, faults: { delayMs: { min: 2, max: 40 } } });
    this.sim.tap = (entry) => {
      if (entry.kind === "sent") this.count(entry.bytes, entry.length);
    };
    for (const [i, { time: options, aheadMs, skewPpm, more }] of given.entries()) {
      this.sets.push([]);
      this.sim.addNode({
        ...aheadMs !== undefined && { physicalStartMs: T + aheadMs },
        ...skewPpm !== undefined && { clockSkewPpm: skewPpm },
        options: { seedList: ["10.0.0.1", "10.0.0.2"], ...more },
        start: (platform, storage) => {
          const time = options && networkTime({ onSet: (ms) => this.sets[i].push(ms), ...options });
          this.times[i] = time;
          const gossip = new Gossip({ storage, ...platform, ...time && { time } });
          gossip.start();
          return gossip;
        },
      });
    }
  }

  get nowMs(): number { return T + this.sim.nowMs; }
  run(ms: number): void { this.sim.runFor(ms); }

  /** How far a node is off; it must know the time. */
  error(index: number): number {
    const now = this.times[index]?.now();
    assert.ok(now !== undefined, `node ${index} does not know the time`);
    return now - this.nowMs;
  }

  quality(index: number): TimeQuality {
    const quality = this.times[index]?.quality();
    assert.ok(quality !== undefined, `node ${index} does not know the time`);
    return quality;
  }

  near(index: number, tolerance: number, rightMs = 0): void {
    const error = this.error(index);
    assert.ok(Math.abs(error - rightMs) <= tolerance, `node ${index} is off by ${error} ms, not ${rightMs}`);
  }

  private count(bytes: Uint8Array, length: number): void {
    if (this.frame.parse(bytes, length, new RowData()) !== DROP_NONE) return;
    this.frame.rewind();
    while (this.frame.nextSection()) {
      const length = SECTION_HEAD_BYTES + this.frame.end - this.frame.position;
      if (this.frame.section === SECTION_TIME) this.bytes[this.frame.type] += length;
    }
  }
}

const clock = { clock: true, clockErrorMs: 5 };

describe("time of the network", function () {
  this.timeout(60000);

  it("nodes without a source take the time from one that has it, and say how good it is", () => {
    const network = new Times([{ time: clock, aheadMs: 0 }, { time: {} }, { time: {} }]);
    network.run(2 * MINUTE);
    const id = network.sim.nodes[0].id;
    const { errorMs, ...source } = network.quality(0);
    assert.deepEqual([source, errorMs], [{ source: "clock", node: id, hops: 0, ageMs: 0 }, 5]);
    for (const index of [1, 2]) {
      const quality = network.quality(index);
      network.near(index, quality.errorMs);
      assert.equal(quality.node, id);
      assert.equal(quality.source, "peer");
      assert.ok(quality.hops === 1 || quality.hops === 2, `${quality.hops}`);
      assert.ok(quality.errorMs > 5 && quality.errorMs < 150, `${quality.errorMs}`);
      assert.equal(network.sets[index].length, 1);
    }
  });

  it("no byte is sent where no node has the option, and a node without it takes no notice", () => {
    const plain = new Times([{ aheadMs: 0 }, {}]);
    plain.run(HOUR);
    assert.deepEqual(plain.bytes, [0, 0, 0, 0, 0]);
    const mixed = new Times([{ aheadMs: 0 }, { time: {} }, { time: clock, aheadMs: 0 }]);
    mixed.run(HOUR);
    assertNoDrops(mixed.sim);
    mixed.near(1, 60);
  });

  it("at rest a node asks once in 17 rounds", () => {
    const network = new Times([{ time: clock, aheadMs: 0 }, { time: {} }]);
    network.run(10 * MINUTE);
    const before = [...network.bytes];
    network.run(160 * MINUTE);
    const rounds = 160 * 6;
    const syn = network.bytes[1] - before[1];
    const ack = network.bytes[2] - before[2];
    assert.ok(syn / 2 >= rounds / 19 && syn / 2 <= rounds / 15, `${syn} bytes in SYNs`);
    assert.ok(ack / 15 >= rounds / 19 && ack / 16 <= rounds / 15, `${ack} bytes in ACKs`);
  });

  for (const [name, more] of [
    ["a sealed network", { key: "07".repeat(32), sealing: nodeSealing }],
    ["a network with a name", { network: "home" }],
    ["a network that measures links", {}],
    ["small datagrams", { datagramBytesMax: 128 }],
  ] as const) it(`the time goes through ${name}`, () => {
    const links = (): Partial<GossipOptions> => name.includes("links") ? { links: linkTable() } : {};
    const network = new Times([
      { time: clock, aheadMs: 0, more: { ...more, ...links() } }, { time: {}, more: { ...more, ...links() } },
    ]);
    network.run(5 * MINUTE);
    network.near(1, 60);
    assert.deepEqual(network.sim.nodes.map((node) => node.gossip?.stats().drops.section), [0, 0]);
    if (!name.includes("links")) return;
    assert.equal(typeof status(of(network.sim.nodes[0])).neighbours[0].roundTripMs, "number");
  });

  it("the time goes along a line, one hop each", () => {
    const network = new Times(Array.from({ length: 6 }, (_, i): Given => ({
      time: i === 0 ? clock : {}, ...i === 0 && { aheadMs: 0 }, more: { seedList: [`10.0.0.${i === 0 ? 2 : i}`] },
    })));
    network.sim.topology = makeTopology({ shape: "line", nodes: 6, seed: 11 });
    network.run(20 * MINUTE);
    for (let i = 0; i < 6; i++) {
      assert.equal(network.quality(i).hops, i);
      network.near(i, network.quality(i).errorMs);
    }
  });

  it("nodes without their source keep the time for its life, not for ever", () => {
    const network = new Times([{ time: clock, aheadMs: 0 }, { time: { lifeMs: HOUR } }, { time: { lifeMs: HOUR } }]);
    network.run(5 * MINUTE);
    network.sim.nodes[0].crash();
    network.run(50 * MINUTE);
    for (const index of [1, 2]) network.near(index, network.quality(index).errorMs);
    network.run(12 * MINUTE);
    assert.deepEqual([network.times[1]?.now(), network.times[2]?.now()], [undefined, undefined]);
    for (const sets of network.sets.slice(1)) assert.equal(sets[sets.length - 1], undefined);
  });

  // A node asks once in 17 rounds, and may ask one that has not heard of the step: with 20 seeds 22 minutes at most.
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`all follow a source that steps, within 25 minutes and with a notification, seed ${seed}`, () => {
      const network = new Times(Array.from({ length: 12 }, () => ({ time: {} })), seed);
      network.run(MINUTE);
      network.times[0]?.set(network.nowMs, 5, "sntp");
      network.run(10 * MINUTE);
      network.times[0]?.set(network.nowMs + 2 * HOUR, 5, "sntp");
      network.run(25 * MINUTE);
      for (let i = 1; i < 12; i++) {
        network.near(i, 150, 2 * HOUR);
        assert.equal(network.sets[i].length, 2, `node ${i}: ${network.sets[i].join()}`);
      }
    });
  }

  it("without a step, of which the node is notified, the time never goes backwards", () => {
    // With this drift some nodes are off by more than a small correction: in 11 of 32 networks one of them was.
    for (const [seed, stepsMost] of [[1, 0], [2, 3], [3, 0], [4, 0]]) {
      const network = new Times([
        { time: clock, aheadMs: 0 }, { time: { driftPpm: 4000 }, skewPpm: 3000 },
        { time: { driftPpm: 4000 }, skewPpm: -3000 },
      ], seed);
      network.run(5 * MINUTE);
      const last = [0, 0, 0];
      const sets = network.sets.map(({ length }) => length);
      let slowest = Infinity;
      let steps = 0;
      for (let i = 0; i < 60000; i++) {
        network.run(50);
        for (let node = 0; node < 3; node++) {
          const now = network.times[node]?.now() ?? 0;
          const isStep = network.sets[node].length > sets[node];
          assert.ok(now >= last[node] || isStep, `seed ${seed}, node ${node}: ${now} after ${last[node]}`);
          if (isStep) steps++;
          else if (last[node] > 0) slowest = Math.min(slowest, now - last[node]);
          sets[node] = network.sets[node].length;
          last[node] = now;
        }
      }
      assert.ok(slowest > 40, `${slowest}`);
      assert.ok(steps <= stepsMost, `seed ${seed}: ${steps} steps`);
      if (stepsMost === 0) assert.equal(network.sets[1].length, 1);
      for (const index of [1, 2]) network.near(index, network.quality(index).errorMs);
    }
  });

  it("two sources outvote a third one that is wrong", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const network = new Times([
        { time: clock, aheadMs: 0 }, { time: { clock: true, clockErrorMs: 1 }, aheadMs: 20 * DAY },
        { time: clock, aheadMs: 2 }, { time: {} }, { time: {} },
      ], seed);
      network.run(HOUR);
      for (const index of [3, 4]) network.near(index, 60);
      // The word of the node itself counts alone.
      network.near(1, 10, 20 * DAY);
    }
  });

  it("a node's own source counts for two hours, whatever others say, and the better one after that", () => {
    const network = new Times([{ time: clock, aheadMs: 0 }, { time: clock, aheadMs: 1 }, { time: {} }]);
    network.run(MINUTE);
    network.times[2]?.set(network.nowMs + HOUR, 50, "sntp");
    network.run(HOUR);
    network.near(2, 10, HOUR);
    assert.equal(network.quality(2).source, "sntp");
    network.run(2 * HOUR);
    network.near(2, 60);
    assert.equal(network.quality(2).source, "peer");
  });

  it("a node that sleeps gets the time in the one exchange of its first waking", () => {
    const network = new Times([
      { time: clock, aheadMs: 0 }, { time: {}, more: { sleep: sleeping() } },
    ]);
    let kept: Uint8Array | undefined;
    network.run(MINUTE);
    const device = network.sim.nodes[1];
    device.run(() => device.gossip?.sleep(900, (bytes) => { kept = bytes.slice(); }));
    network.run(5000);
    assert.ok(kept !== undefined);
    // Deep sleep: RAM and clock are lost.
    device.crash();
    network.run(900000);
    const sleep = sleeping({ kept });
    const time = networkTime();
    const sent: number[] = [];
    network.sim.tap = (entry) => { if (entry.kind === "sent" && entry.node === woken) sent.push(entry.length); };
    const woken: SimNode = network.sim.addNode({
      id: device.id, address: "10.0.0.2", options: { seedList: ["10.0.0.1"] },
      start: (platform, storage) => {
        const gossip = new Gossip({ storage, ...platform, sleep, time });
        gossip.start();
        gossip.sleep(900, () => undefined);
        return gossip;
      },
    });
    network.run(3000);
    assert.equal(sent.length, 1);
    assert.ok(Math.abs((time.now() ?? 0) - network.nowMs) < 50, `${time.now()}`);
  });

  it("the node's status shows the time", () => {
    const network = new Times([{ time: clock, aheadMs: 0 }, {}]);
    network.run(MINUTE);
    assert.deepEqual(status(of(network.sim.nodes[0])).time, {
      unixMs: network.nowMs, source: "clock", node: network.sim.nodes[0].id, hops: 0, errorMs: 5, ageMs: 0,
    });
    assert.equal(status(of(network.sim.nodes[1])).time, undefined);
  });
});

describe("sections TIME that are wrong", () => {
  const answer = (content: string): string => `${sectionHead(SECTION_TIME, content.length / 2).toString(16)}${content}`;
  /** 2026-01-01 and a minute, source 7, its own word, error 3 ms, age 0. */
  const good = `019b7736${"4c60"}${"00000007"}${"00"}${"03"}${"00"}`;

  /** A node that asked, and the counter of its SYN as a varint in hex. */
  function asking(): { node: FakeNode; time: NetworkTime; network: FakeNetwork; counter: string } {
    const network = new FakeNetwork();
    const time = networkTime();
    const node = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.99"], time });
    node.gossip.start();
    network.run(5000);
    const { hex } = node.socket.sent[0];
    assert.ok(hex.endsWith(answer("")), hex);
    // Magic, type, id, revision 0, then the counter.
    const counter = /^.{14}((?:[89a-f].)*[0-7].)/.exec(hex)?.[1] ?? "";
    return { node, time, network, counter };
  }

  const arrive = (node: FakeNode, type: number, counter: string, section: string): void => (
    node.arrive(frameHex(type, 7, 0, 1, (type === 1 ? "" : counter) + section))
  );

  it("a good one is taken", () => {
    const { node, time, counter } = asking();
    arrive(node, 2, counter, answer(good));
    assert.ok(time.now() !== undefined);
    assert.equal(time.quality()?.hops, 1);
  });

  for (const [what, content] of [
    ["too short", good.slice(0, -2)], ["too long", `${good}00`], ["a time before 2020", `0100${good.slice(4)}`],
    ["a time after 2200", `07ff${good.slice(4)}`], ["31 hops", `${good.slice(0, 20)}1f${good.slice(22)}`],
    ["an error above an hour", `${good.slice(0, 22)}81ddfb0300`], ["no content", ""],
    ["a word that is older than a day", `${good.slice(0, 24)}81a305`],
  ] as const) it(`one is ignored: ${what}`, () => {
    const { node, time, counter } = asking();
    const { drops } = node.gossip.stats();
    arrive(node, 2, counter, answer(content));
    assert.equal(time.now(), undefined);
    assert.deepEqual(node.gossip.stats().drops, drops);
  });

  it("one in a SYN, and one that answers no request, is ignored", () => {
    const { node, time, counter } = asking();
    arrive(node, 1, "", answer(good));
    assert.equal(time.now(), undefined);
    arrive(node, 2, counter, answer(good));
    const { ageMs } = time.quality() ?? {};
    arrive(node, 2, counter, answer(good.replace("019b", "01aa")));
    assert.equal(time.quality()?.ageMs, ageMs);
  });
});

describe("options of the time", () => {
  it("a wrong option is named", () => {
    const wrong: [NetworkTimeOptions, RegExp][] = [
      [{ clock: 1 } as never, /time.clock: 1 is neither true nor false/], [{ clockErrorMs: 0 }, /time.clockErrorMs: 0 .*1 to 3600000/],
      [{ driftPpm: 0.5 }, /time.driftPpm: 0.5/], [{ lifeMs: 59999 }, /time.lifeMs: 59999 .*60000 to 1728000000/],
      [{ onSet: 1 } as never, /time.onSet: 1/], [{ server: "a" } as never, /time.server/], [5 as never, /time: 5 is not an object/],
    ];
    for (const [options, pattern] of wrong) assert.throws(() => networkTime(options), pattern);
  });

  it("a wrong argument of set is named, and a time without a node cannot be set", () => {
    const time = networkTime();
    assert.throws(() => time.set(T, 10), { code: "ERR_STATE" });
    assert.equal(time.now(), undefined);
    new FakeNode(new FakeNetwork(), "192.168.0.53", { time });
    const wrong: [unknown, number, unknown, RegExp][] = [
      [1, 10, undefined, /set: ms: 1 is not a time/], [NaN, 10, undefined, /set: ms: NaN/], ["x", 1, undefined, /set: ms: "x"/],
      [T, -1, undefined, /set: errorMs: -1 is not 0 to 3600000/], [T, 1, "gps", /set: origin: "gps" is neither/],
    ];
    for (const [ms, errorMs, origin, pattern] of wrong) {
      assert.throws(() => time.set(ms as number, errorMs, origin as "sntp"), pattern);
    }
  });

  it("a node that has its own time shows it, also before its start", () => {
    const sets: unknown[] = [];
    const time = networkTime({ onSet: (ms, quality) => sets.push([ms, quality?.source]) });
    const network = new FakeNetwork();
    new FakeNode(network, "192.168.0.53", { time });
    time.set(T + 0.7, 10.2, "sntp");
    network.run(1500);
    assert.equal(time.now(), T + 1500);
    assert.deepEqual(sets, [[T, "sntp"]]);
  });

  it("each node needs its own time, and the dialect espgossip has none", () => {
    const time = networkTime();
    const network = new FakeNetwork();
    new FakeNode(network, "192.168.0.53", { time });
    assert.throws(() => new FakeNode(network, "192.168.0.54", { time }), /time: belongs to another node/);
    assert.throws(
      () => new FakeNode(network, "192.168.0.55", { time: networkTime(), dialect: espgossip() }),
      /time: the option dialect has none/,
    );
    assert.throws(() => new FakeNode(network, "192.168.0.56", { time: {} as never }), /time: /);
  });

  it("the time may come from a callback, and a callback may close the node", () => {
    const network = new FakeNetwork();
    const time = networkTime({ onSet: () => nodes[1].gossip.close() });
    const nodes = joined(network, [{ time: networkTime({ clock: true }) }, { time }]);
    nodes[0].clock.physicalMs = () => T + network.nowMs;
    network.run(MINUTE);
    assert.ok(time.now() !== undefined);
    assert.equal(nodes[0].row("192.168.0.54")?.state, "left");
  });
});

function of(node: SimNode): Gossip {
  assert.ok(node.gossip !== undefined);
  return node.gossip;
}

/** No frame was dropped by any node. */
function assertNoDrops(sim: SimNetwork): void {
  for (const { gossip } of sim.nodes) {
    const drops: Record<string, number> = gossip?.stats().drops ?? {};
    assert.deepEqual(Object.entries(drops).filter(([, count]) => count > 0), []);
  }
}
