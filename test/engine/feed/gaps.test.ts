import assert from "node:assert/strict";
import { DROP_FORK, DROP_GAP } from "../../../src/engine/wire/drops.js";
import { FrameReader } from "../../../src/engine/wire/frame-reader.js";
import { SECTION_GAP, SECTION_HEAD_BYTES, SECTION_HISTORY, TYPE_SYN } from "../../../src/engine/wire/frame.js";
import type { Engine, EngineOptions } from "../../../src/engine/index.js";
import { RowData } from "../../../src/engine/table/rows.js";
import { tagsOf } from "../wire/frame-support.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { nodeDigest } from "./feed-support.js";

const ROUND = 10000;
/** A node with so many bytes for events. */
function having(feedBytes: number, fillGaps = false): Partial<EngineOptions> {
  return { feeds: eventFeeds({ bytes: feedBytes, fillGaps }).engineFeeds(1472, nodeDigest) };
}

const BOARD = having(2048);
const DESKTOP = having(65536, true);
const [A, B] = [1, 2];

/** Desktops 1 and 2, boards 3 to 5, and boards' events that boards forget while desktop 1 is away. */
function withGap(
  desktop: Partial<EngineOptions> = DESKTOP, prepare: (engine: Engine) => void = () => undefined,
): EngineNetwork {
  const network = new EngineNetwork();
  for (const node of [A, B]) prepare(network.add(node, desktop, [3], 1));
  for (const node of [3, 4, 5]) prepare(network.add(node, BOARD, [3], 1));
  network.run(5 * ROUND);
  const away = network.engines.get(A)!;
  network.engines.delete(A);
  for (let n = 0; n < 200; n++) {
    network.log(3, "reading", n);
    if (n % 3 === 0) network.set(4, "value", `key ${n % 5}`, n);
    if (n % 20 === 19) network.remove(4, "value", "key 1");
    network.run(500);
  }
  // The two desktops do not meet before the boards have told what they still hold.
  network.lose = ({ from, to }) => from + to === A + B;
  network.engines.set(A, away);
  network.run(5 * ROUND);
  for (const author of [3, 4]) assert.ok(floorOf(away, author) > 10, "lacks what the boards forgot");
  network.lose = () => false;
  return network;
}

function floorOf(engine: Engine, author: number): number {
  return engine.feed!.feeds.floor(engine.rows.find(author));
}

/** Sections with a tag that nodes sent since the last call. */
function sectionsSent(network: EngineNetwork, tag: number): Sent[] {
  return network.sent.splice(0).filter(({ bytes }) => tagsOf(bytes).includes(tag));
}

/** A SYN of node 9, which nobody knows, with a GAP. */
function synWithGap(author: number, generation: number, floor: number, tip: number): Uint8Array {
  const entry = [author >>> 24, author >>> 16, author >>> 8, author, generation, floor, tip >>> 8, tip & 255];
  return synOf9([SECTION_GAP << 3, entry.length, ...entry]);
}

function synOf9(sections: ArrayLike<number>): Uint8Array {
  const head = [0xc1, 1, 0, 0, 0, 9, 1, 5, 3, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...Array.from(sections)]);
}

describe("two archive nodes", () => {
  it("two archive nodes end with all that either holds of each feed, as if it had arrived in time", () => {
    const network = withGap();
    const [a, b] = [network.engines.get(A)!, network.engines.get(B)!];
    const told = network.events.get(A)!.length;
    const drops = a.stats.drops(DROP_FORK) + a.stats.drops(DROP_GAP);
    network.run(8 * ROUND);
    for (const author of [3, 4]) {
      assert.equal(floorOf(a, author), 1);
      assert.deepEqual(heldFeed(a, author), heldFeed(b, author));
    }
    assert.equal(network.events.get(A)!.length, told, "what comes so late is not told out of its order");
    assert.equal(a.stats.drops(DROP_FORK) + a.stats.drops(DROP_GAP), drops);
    network.sent.length = 0;
    network.run(10 * ROUND);
    assert.ok(network.sent.every(({ bytes }) => bytes.length <= 40), "in sync as ever");
  });

  it("two archive nodes need one exchange for all feeds, in datagrams of any size", () => {
    for (const datagramBytesMax of [300, 1200]) {
      const network = withGap({ ...DESKTOP, datagramBytesMax });
      sectionsSent(network, SECTION_GAP);
      while (floorOf(network.engines.get(A)!, 3) > 1) network.run(100);
      const asks = sectionsSent(network, SECTION_GAP).filter(({ from, to }) => from === A && to === B);
      assert.equal(asks.filter(({ bytes }) => (bytes[1] & 15) === TYPE_SYN).length, 1);
      assert.equal(floorOf(network.engines.get(A)!, 4), 1);
    }
  });

  it("two archive nodes fill their gaps although datagrams are lost", () => {
    const network = withGap();
    let count = 0;
    network.lose = () => ++count % 4 === 0;
    network.run(40 * ROUND);
    for (const author of [3, 4]) assert.equal(floorOf(network.engines.get(A)!, author), 1);
  });

  it("an archive node requests feeds in turn, so that a feed that no node holds does not block the others", () => {
    // Six feeds of which all have forgotten the beginning.
    const network = withGap(DESKTOP, (engine) => {
      for (let author = 20; author < 26; author++) {
        const row = Object.assign(new RowData(), { id: author, address: author, port: 5000 });
        engine.rows.merge(row, new Uint8Array(0));
        const slot = engine.rows.find(author);
        engine.rows.subtractFromFeedsHash(slot);
        engine.feed!.feeds.begin(slot, 0);
        engine.feed!.feeds.endSnapshot(slot, 100, author, author, 0);
        engine.rows.addToFeedsHash(slot);
      }
    });
    const { feeds } = network.engines.get(A)!.feed!;
    const { rows } = network.engines.get(A)!;
    network.run(24 * ROUND);
    for (const author of [3, 4]) assert.equal(feeds.floor(rows.find(author)), 1);
    for (const author of [20, 25]) assert.equal(feeds.floor(rows.find(author)), 101);
  });

  it("an archive node requests nothing while less than a quarter of its arena is free, and not without end", () => {
    const network = withGap(having(6000, true));
    network.run(10 * ROUND);
    for (let n = 0; n < 300; n++) {
      network.log(5, "reading", n);
      network.run(500);
    }
    network.run(5 * ROUND);
    sectionsSent(network, SECTION_GAP);
    for (const node of [A, B]) assert.ok(floorOf(network.engines.get(node)!, 5) > 1, "forgets, too");
    for (let n = 0; n < 100; n++) {
      network.log(5, "reading", n);
      network.run(5000);
    }
    assert.deepEqual(sectionsSent(network, SECTION_GAP), []);
  });
});

describe("gaps", () => {
  it("a board requests no history and applies none that it did not request", () => {
    const network = withGap(having(65536));
    network.run(20 * ROUND);
    assert.deepEqual(sectionsSent(network, SECTION_GAP), []);
    const filling = withGap();
    filling.lose = ({ to }) => to === A;
    filling.sent.length = 0;
    while (!filling.sent.some(({ bytes }) => tagsOf(bytes).includes(SECTION_HISTORY))) filling.run(1000);
    const [{ bytes }] = sectionsSent(filling, SECTION_HISTORY);
    const frame = new FrameReader();
    frame.parse(bytes, bytes.length, new RowData());
    for (frame.rewind(); frame.section !== SECTION_HISTORY;) frame.nextSection();
    const syn = synOf9(bytes.slice(frame.position - SECTION_HEAD_BYTES, frame.end));
    for (const node of [5, A]) {
      const floors = (): number[] => [3, 4].map((author) => floorOf(filling.engines.get(node)!, author));
      const before = floors();
      filling.deliver(node, 9, syn);
      assert.equal(floors().every((floor, i) => floor === before[i]), node === 5);
    }
  });

  it("any node with feeds answers a request if it holds more", () => {
    const network = new EngineNetwork();
    network.add(A, DESKTOP, [2], 1);
    network.add(2, having(20000), [], 1);
    network.add(3, BOARD, [2], 1);
    network.run(5 * ROUND);
    const away = network.engines.get(A)!;
    network.engines.delete(A);
    for (let n = 0; n < 100; n++) network.log(3, "reading", n);
    network.run(5 * ROUND);
    network.lose = ({ from, to }) => from + to === A + 2;
    network.engines.set(A, away);
    network.run(5 * ROUND);
    assert.ok(floorOf(away, 3) > 1);
    network.lose = () => false;
    network.run(5 * ROUND);
    assert.deepEqual(heldFeed(away, 3), heldFeed(network.engines.get(2)!, 3));
  });

  it("an unproven address that requests history gets at most three times the bytes that it sent", () => {
    const network = withGap();
    const { feeds } = network.engines.get(B)!.feed!;
    const slot = network.engines.get(B)!.rows.find(3);
    const ask = (author: number, generation: number, floor: number, tip: number): Sent[] => {
      const syn = synWithGap(author, generation, floor, tip);
      network.sent.length = 0;
      network.deliver(B, 9, syn);
      const answers = network.sent.splice(0).filter(({ to }) => to === 9);
      assert.equal(answers.length, 1);
      assert.ok(answers[0].bytes.length <= 3 * syn.length);
      return answers.filter(({ bytes }) => tagsOf(bytes).includes(SECTION_HISTORY));
    };
    const generation = feeds.generation(slot);
    const tip = feeds.tipFirstAt(slot, 99) >>> 16;
    assert.equal(ask(3, generation, 100, tip).length, 1);
    assert.equal(ask(3, generation, 100, tip ^ 1).length, 0, "of another feed under that name");
    assert.equal(ask(3, generation + 1, 100, tip).length, 0);
    assert.equal(ask(77, generation, 100, tip).length, 0);
  });
});
