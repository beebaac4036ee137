import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { Engine, type EngineOptions, NOTIFY_NETWORK } from "../../src/engine/index.js";
import { DROP_NETWORK, DROP_NONE } from "../../src/engine/wire/drops.js";
import { SECTION_LIMITS, TYPE_ACK, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { FLAG_LIMITS, RowData } from "../../src/engine/table/rows.js";
import { LEFT, UP } from "../../src/engine/table/states.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT, ROUND_MS, engineOptions } from "../support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../support/engine-outputs.js";
import { held, table } from "../support/engine-state.js";
import { hashOf } from "./wire/frame-support.js";

const KEY = new Uint8Array(32).fill(9);
const NORTH = hashOf("north");
const SOUTH = hashOf("south");
assert.notEqual(NORTH & 0xff, SOUTH & 0xff);

/** Two names of which the hashes have the same low octet. */
function twins(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const name = `site ${i}`;
    const twin = seen.get(hashOf(name) & 0xff);
    if (twin !== undefined) return [twin, name];
    seen.set(hashOf(name) & 0xff, name);
  }
}

function idsOf(engine: Engine): number[] {
  return table(engine).map(({ id }) => id).sort((a, b) => a - b);
}

/** Ids of the rows that are UP, at each node. */
function live(network: EngineNetwork): number[][] {
  return [...network.engines.values()].map((engine) => (
    table(engine).filter(({ state }) => state === UP).map(({ id }) => id).sort((a, b) => a - b)
  ));
}

/** Nodes 1, 3 and 5 are in one network, 2 and 4 in the other; all have the same seeds. */
function startFive(network: EngineNetwork, odd: number | undefined, even: number | undefined, more = {}): void {
  for (let node = 1; node <= 5; node++) {
    network.add(node, { randomSeed: node, network: node % 2 === 1 ? odd : even, ...more }, [1, 2]);
  }
}

const two = [[1, 3, 5], [2, 4], [1, 3, 5], [2, 4], [1, 3, 5]];

describe("Engine: the network's name", () => {
  for (const [name, odd, even] of [
    ["two names", NORTH, SOUTH], ["a name and none", NORTH, undefined], ["none and a name", undefined, SOUTH],
    ["two names with the same octet", ...twins().map(hashOf)],
  ] as [string, number | undefined, number | undefined][]) {
    it(`five nodes with the same seeds are two networks: ${name}`, () => {
      for (const more of [{}, { sealer: nodeSealing(KEY, undefined) }]) {
        const network = new EngineNetwork();
        startFive(network, odd, even, more);
        network.run(100 * ROUND_MS);
        assert.deepEqual([...network.engines.values()].map(idsOf), two);
        assert.deepEqual(live(network), two);
        const told = network.notified.filter(({ kind }) => kind === NOTIFY_NETWORK).map(({ address }) => address);
        assert.deepEqual(told.sort(), [1, 2, 3, 4, 5].filter((node) => told.includes(node)), "once a start");
        assert.ok(told.length >= 2, `${told.join()} were told`);
      }
    });
  }

  it("two names with the same octet never merge a row, in 10,000 frames", () => {
    const [first, second] = twins().map(hashOf);
    const network = new EngineNetwork();
    startFive(network, first, second);
    // All seeds are of both networks, broadcasts reach all, and addresses pass from one network to the other.
    for (let turn = 0; network.sent.length < 10000; turn++) {
      network.run(5 * ROUND_MS);
      for (const node of [1, 2]) {
        const engine = network.engines.get(node)!;
        network.move(node, 100 + node);
        network.run(2 * ROUND_MS);
        network.move(100 + node, node);
        assert.equal(network.engines.get(node), engine);
      }
      if (turn % 10 === 0) {
        const moved = network.engines.get(4)!;
        network.engines.set(4, network.engines.get(5)!);
        network.engines.set(5, moved);
      }
      for (const [, engine] of network.engines) {
        const odd = idsOf(engine).map((id) => id % 2);
        assert.ok(odd.every((each) => each === odd[0]), idsOf(engine).join());
      }
    }
  });

  it("a frame that differs in its octet is dropped before all else, and told once with its sender", () => {
    const north = new Engine(engineOptions({ network: NORTH }));
    north.start(0, 1, true);
    north.addSeed(77, PORT);
    north.tick(ROUND_MS);
    const syn = takeDatagrams(north)[0].bytes;
    for (const other of [SOUTH, undefined]) {
      const node = new Engine(engineOptions({ id: 2, address: 2, network: other }));
      node.start(0, 1, true);
      takeNotifications(node);
      const notes: number[][] = [];
      for (const source of [901, 902]) {
        node.receive(10, source, PORT, syn.slice(), syn.length);
        notes.push(...takeNotifications(node).map(({ kind, slot, detail }) => [kind, slot, detail]));
        assert.deepEqual(takeDatagrams(node), []);
      }
      assert.deepEqual(notes, [[NOTIFY_NETWORK, 901, 1]]);
      assert.equal(node.stats.drops(DROP_NETWORK), 2);
      assert.deepEqual(idsOf(node), [2]);
    }
  });

  it("costs one byte a frame at rest", () => {
    const lengths = [undefined, NORTH].map((name) => {
      const network = new EngineNetwork();
      for (const node of [1, 2, 3]) network.add(node, { randomSeed: node, network: name }, [1, 2]);
      network.run(40 * ROUND_MS);
      network.sent.length = 0;
      network.run(20 * ROUND_MS);
      return network.sent.map(({ bytes }) => bytes.length);
    });
    assert.ok(lengths[0].length > 100);
    assert.ok(Math.max(...lengths[1]) <= Math.max(...lengths[0]) + 1, `${Math.max(...lengths[1])} bytes`);
    assert.equal(Math.min(...lengths[1]), Math.min(...lengths[0]) + 1);
  });
});

/** A frame of a node that the receiver may know. */
function frames(type: number, options: Partial<EngineOptions>, limits: boolean): Uint8Array {
  const sender = new Engine(engineOptions({ id: 2, address: 2, ...options }));
  sender.start(0, 1, true);
  if (type === TYPE_LEAVE) {
    sender.rows.merge(Object.assign(new RowData(), { id: 1, address: 1, port: PORT, revision: 1 }), new Uint8Array(0));
    sender.leave(10);
  } else {
    const slot = 1;
    sender.rows.merge(Object.assign(new RowData(), { id: 1, address: 1, port: PORT, revision: 1 }), new Uint8Array(0));
    if (!limits) sender.rows.setFlag(slot, FLAG_LIMITS);
    sender.tick(ROUND_MS);
  }
  return takeDatagrams(sender)[0].bytes;
}

describe("Engine: a frame whose octet may be right by chance", () => {
  it("a SYN of an unknown node without LIMITS changes nothing, and gets an ACK with nothing but LIMITS", () => {
    const node = new Engine(engineOptions({ network: NORTH }));
    node.start(0, 1, true);
    const before = table(node);
    const syn = frames(TYPE_SYN, { network: NORTH }, false);
    assert.ok(!tagsWith(syn).includes(SECTION_LIMITS));
    node.receive(10, 2, PORT, syn, syn.length);
    const answers = takeDatagrams(node);
    assert.deepEqual(answers.map(({ bytes }) => [typeOf(bytes), tagsWith(bytes)]), [[TYPE_ACK, [SECTION_LIMITS]]]);
    assert.ok(answers[0].bytes.length <= 3 * syn.length);
    assert.deepEqual(table(node), before);
    assert.equal(node.stats.drops(DROP_NETWORK), 1);
  });

  it("a SYN with LIMITS and the right hash is applied, and without LIMITS from then on", () => {
    const node = new Engine(engineOptions({ network: NORTH }));
    node.start(0, 1, true);
    const syn = frames(TYPE_SYN, { network: NORTH }, true);
    node.receive(10, 2, PORT, syn, syn.length);
    assert.deepEqual(idsOf(node), [1, 2]);
    const later = frames(TYPE_SYN, { network: NORTH, randomSeed: 8 }, false);
    node.receive(20, 2, PORT, later, later.length);
    assert.equal(node.stats.drops(DROP_NETWORK), 0);
  });

  it("no LIMITS answers LIMITS without content: a SYN to a seed has the node's own already", () => {
    const network = new EngineNetwork();
    network.add(1, { network: NORTH }, [2]);
    // Its row has another address than the seed, which node 1 tries again and again therefore.
    network.engines.set(9, network.add(2, { network: NORTH, advertisedAddress: 9, advertisedPort: PORT }, [1]));
    network.run(10 * ROUND_MS);
    network.sent.length = 0;
    network.run(60 * ROUND_MS);
    const shown = network.sent.filter(({ bytes }) => tagsWith(bytes).includes(SECTION_LIMITS));
    assert.ok(shown.length > 10);
    assert.deepEqual(shown.filter(({ bytes }) => typeOf(bytes) % 4 === TYPE_DIFF), []);
  });

  it("a LEAVE shows the hash, so that nodes that never exchanged with its sender apply it", () => {
    const node = new Engine(engineOptions({ network: NORTH }));
    node.start(0, 1, true);
    const row = { id: 2, address: 2, port: PORT, revision: 1 };
    node.rows.merge(Object.assign(new RowData(), row), new Uint8Array(0));
    const leave = frames(TYPE_LEAVE, { network: NORTH }, true);
    assert.equal(typeOf(leave), TYPE_LEAVE);
    node.receive(10, 2, PORT, leave, leave.length);
    assert.equal(held(node.rows, 2)!.state, LEFT);
  });

  for (const [name, key] of [["", {}], [", sealed", { sealer: nodeSealing(KEY, undefined) }]] as const) {
    /** Nodes 1 to 4, which know each other. */
    const settled = (): EngineNetwork => {
      const network = new EngineNetwork();
      for (const node of [1, 2, 3, 4]) network.add(node, { randomSeed: node, network: NORTH, ...key }, [1, 2], 5);
      network.run(30 * ROUND_MS);
      assert.deepEqual(live(network), [1, 2, 3, 4].map(() => [1, 2, 3, 4]));
      return network;
    };

    it(`a node that restarts, with and without its storage, is known again in a few rounds${name}`, () => {
      for (const [revision, isRemembered] of [[6, true], [0, false]] as const) {
        const network = settled();
        network.add(3, { randomSeed: 33, network: NORTH, ...key }, [1, 2], revision, isRemembered);
        network.run(4 * ROUND_MS);
        assert.deepEqual(live(network), [1, 2, 3, 4].map(() => [1, 2, 3, 4]));
        assert.deepEqual([...network.engines.values()].map((engine) => held(engine.rows, 3)!.revision), [6, 6, 6, 6]);
      }
    });

    it(`a revision that is adopted while the node runs reaches all${name}`, () => {
      const network = settled();
      network.engines.get(2)!.setRevision(network.nowMs, 9);
      network.drain(2);
      network.run(4 * ROUND_MS);
      assert.deepEqual([...network.engines.values()].map((engine) => held(engine.rows, 2)!.revision), [9, 9, 9, 9]);
      assert.deepEqual(live(network), [1, 2, 3, 4].map(() => [1, 2, 3, 4]));
    });

    it(`nodes converge although datagrams are lost${name}`, () => {
      for (let seed = 0; seed < 10; seed++) {
        const network = new EngineNetwork();
        let count = seed;
        network.lose = () => (Math.imul(count++, 0x9e3779b1) >>> 8) % 100 < 30;
        for (const node of [1, 2, 3, 4]) network.add(node, { randomSeed: node, network: NORTH, ...key }, [1, 2]);
        network.run(20 * ROUND_MS);
        network.lose = () => false;
        network.run(20 * ROUND_MS);
        assert.deepEqual(live(network), [1, 2, 3, 4].map(() => [1, 2, 3, 4]), `seed ${seed}`);
      }
    });
  }

  it("a network with full tables goes on exchanging with a node that has no room there", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 4; node++) network.add(node, { capacity: 4, randomSeed: node, network: NORTH }, [1]);
    network.run(20 * ROUND_MS);
    network.add(9, { capacity: 64, randomSeed: 9, network: NORTH }, [1]);
    network.run(40 * ROUND_MS);
    assert.deepEqual(idsOf(network.engines.get(9)!), [1, 2, 3, 4, 9]);
    assert.deepEqual(idsOf(network.engines.get(1)!), [1, 2, 3, 4]);
    network.publish(2, [7]);
    network.run(4 * ROUND_MS);
    assert.deepEqual(held(network.engines.get(9)!.rows, 2)!.value, [7]);
  });

  it("ping requests and their acks show the hash: nodes that never exchanged probe for each other", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 12; node++) network.add(node, { randomSeed: node, network: NORTH }, [1]);
    network.run(8 * ROUND_MS);
    network.lose = ({ from, to }) => (from === 1 && to === 2) || (from === 2 && to === 1);
    network.notified.length = 0;
    network.run(100 * ROUND_MS);
    const suspects = network.notified.filter(({ state }) => state !== UP);
    assert.deepEqual(suspects, []);
  });
});

function readNorth(bytes: Uint8Array): FrameReader {
  const reader = new FrameReader();
  reader.network = NORTH;
  assert.equal(reader.parse(bytes, bytes.length, new RowData()), DROP_NONE);
  return reader;
}

function typeOf(bytes: Uint8Array): number {
  return readNorth(bytes).type;
}

function tagsWith(bytes: Uint8Array): number[] {
  const reader = readNorth(bytes);
  const tags: number[] = [];
  reader.rewind();
  while (reader.nextSection()) tags.push(reader.section);
  return tags;
}
