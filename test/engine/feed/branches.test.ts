import assert from "node:assert/strict";
import { nodeSealing } from "../../../desktop/platform/node-sealing.js";
import { NOTIFY_FORK } from "../../../src/engine/index.js";
import { FLAG_CHALLENGE, FLAG_MORE, TYPE_ACK, TYPE_DIFF } from "../../../src/engine/wire/frame.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { bytesOf, cborOf, hex, logEvent, nodeDigest } from "./feed-support.js";

const ROUND = 10000;
const FEEDS = { feeds: eventFeeds({ bytes: 8192 }).engineFeeds(1472, nodeDigest) };
const AUTHOR = 1;

function isBetween({ from, to }: Sent, one: number, other: number): boolean {
  return (from === one && to === other) || (from === other && to === one);
}

/** Nodes 1 to `count` that know each other; node 1 is the author. */
function makeNetwork(count: number): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= count; node++) network.add(node, FEEDS, [1, 2], 3);
  network.run(10 * ROUND);
  return network;
}

/** The author starts again, with nothing in its memory but the next revision. */
function restart(network: EngineNetwork, revision: number): void {
  network.engines.delete(AUTHOR);
  network.run(ROUND);
  network.add(AUTHOR, FEEDS, [2, 3], revision);
}

function logs(network: EngineNetwork, from: number, to: number): void {
  for (let n = from; n <= to; n++) network.log(AUTHOR, "n", n);
}

function holds(network: EngineNetwork, node: number, from: number, to: number): boolean {
  const held = Object.values(heldFeed(network.engines.get(node)!, AUTHOR).events);
  for (let n = from; n <= to; n++) if (!held.includes(`n/ ${hex(cborOf(n))}`)) return false;
  return true;
}

function frontiers(network: EngineNetwork): Set<string> {
  return new Set([...network.engines.values()].map((engine) => heldFeed(engine, AUTHOR).frontier.join()));
}

describe("branches of a feed", () => {
  it("a challenge does not show that the peer holds nothing of the feed", () => {
    const sealed = { ...FEEDS, sealer: nodeSealing(new Uint8Array(32).fill(9), undefined) };
    const network = new EngineNetwork();
    for (const node of [AUTHOR, 2, 3]) network.add(node, sealed, [1, 2], 3);
    network.run(5 * ROUND);
    logs(network, 1, 2);
    network.run(5 * ROUND);
    let challenges = 0;
    // The frame that proves the author's SYN is lost, each time, and so is what it would bring.
    network.lose = ({ from, bytes }) => {
      if (bytes[1] % 8 === TYPE_ACK && (bytes[1] & FLAG_CHALLENGE) !== 0) challenges++;
      return from === AUTHOR && bytes[1] % 8 === TYPE_DIFF;
    };
    // The same revision, as after a deep sleep without a log; and a counter that fits no window.
    const author = network.add(AUTHOR, { ...sealed, randomSeed: 77 }, [2, 3], 3, false);
    logs(network, 3, 3);
    for (let tries = 0; challenges === 0; tries++) {
      assert.ok(tries < 100, "no challenge");
      network.run(ROUND / 10);
    }
    assert.equal(author.feed!.ownWithheld, true, "it would put event 3 under the number of event 1");
    network.lose = () => false;
    network.run(20 * ROUND);
    for (const node of [1, 2, 3]) assert.ok(holds(network, node, 1, 3), `node ${node}`);
    assert.deepEqual(network.notified.filter(({ kind }) => kind === NOTIFY_FORK), []);
  });

  it("an answer without room for events has MORE, and does not show that the peer holds none", () => {
    const network = new EngineNetwork();
    for (const node of [AUTHOR, 2, 3]) network.add(node, { ...FEEDS, id: 100 + node }, [1, 2], 0);
    network.run(5 * ROUND);
    for (let n = 1; n <= 3; n++) network.log(AUTHOR, "n", "x".repeat(100) + n);
    network.run(5 * ROUND);
    network.engines.delete(AUTHOR);
    network.sent.length = 0;
    network.lose = ({ from, bytes }) => from === 9 && bytes[1] % 8 === TYPE_DIFF;
    // The same revision, a later heartbeat, and an address that is not proven: the ACK is at most 3 SYNs long.
    const author = network.add(9, { ...FEEDS, id: 100 + AUTHOR, randomSeed: 4 }, [2, 3], 0, false);
    network.log(9, "n", 4);
    const acks = (): Sent[] => network.sent.filter(({ to, bytes }) => to === 9 && bytes[1] % 8 === TYPE_ACK);
    for (let tries = 0; acks().length === 0; tries++) {
      assert.ok(tries < 100, "no ACK");
      network.run(ROUND / 10);
    }
    assert.deepEqual(acks().map(({ bytes }) => bytes[1] & FLAG_MORE), [FLAG_MORE]);
    assert.equal(author.feed!.ownWithheld, true, "it would put event 4 under the number of event 1");
    network.lose = () => false;
    network.run(20 * ROUND);
    const held = [9, 2, 3].map((node) => heldFeed(network.engines.get(node)!, 100 + AUTHOR).events);
    assert.deepEqual(held.map((events) => Object.keys(events).length), [4, 4, 4]);
    assert.deepEqual(network.notified.filter(({ kind }) => kind === NOTIFY_FORK), []);
  });

  it("a generation that joins two lives reaches ten nodes in few rounds", () => {
    const network = makeNetwork(10);
    logs(network, 1, 20);
    network.run(10 * ROUND);
    network.lose = ({ from, to }) => from === AUTHOR || to === AUTHOR;
    restart(network, 4);
    logs(network, 21, 22);
    network.run(ROUND);
    network.lose = () => false;
    let rounds = 0;
    for (; rounds < 30 && frontiers(network).size > 1; rounds++) network.run(ROUND);
    for (let node = 1; node <= 10; node++) assert.ok(holds(network, node, 1, 22), `node ${node}`);
    assert.ok(rounds <= 8, `${rounds} rounds`);
    assert.equal(network.engines.get(AUTHOR)!.revision(), 5, "one generation");
  });

  it("a node that the author does not reach keeps what it holds, and the author joins it later", () => {
    const network = makeNetwork(3);
    network.lose = ({ from, to }) => from === 2 || to === 2;
    logs(network, 1, 5);
    network.run(ROUND);
    assert.ok(holds(network, 3, 1, 5) && !holds(network, 2, 1, 1));
    // Node 2 reaches both of the others; the author does not reach node 3.
    network.lose = (sent) => isBetween(sent, AUTHOR, 3) || isBetween(sent, 2, 3);
    restart(network, 4);
    logs(network, 6, 7);
    network.run(2 * ROUND);
    network.lose = (sent) => isBetween(sent, AUTHOR, 3);
    network.run(20 * ROUND);
    assert.ok(holds(network, 3, 1, 5), "node 2 has a later generation without them");
    assert.ok(!holds(network, 3, 6, 6));
    network.lose = () => false;
    network.run(20 * ROUND);
    for (const node of [1, 2, 3]) assert.ok(holds(network, node, 1, 7), `node ${node}`);
    assert.equal(frontiers(network).size, 1);
  });

  it("the branches of an author that is gone become one, and the losing one is shown before", () => {
    const network = makeNetwork(5);
    network.lose = ({ from, to }) => from === 2 || to === 2;
    logs(network, 1, 5);
    network.run(ROUND);
    // The second life reaches node 2 only.
    network.lose = ({ from, to }) => from >= 3 || to >= 3;
    restart(network, 4);
    logs(network, 6, 7);
    network.run(2 * ROUND);
    assert.ok(holds(network, 2, 6, 7));
    network.engines.delete(AUTHOR);
    network.lose = () => false;
    const lost: number[] = [];
    for (const [node, engine] of network.engines) {
      engine.feed!.adoptAll = (slot, winner) => {
        const { feeds } = engine.feed!;
        assert.deepEqual([feeds.author(slot), feeds.author(winner)], [AUTHOR, AUTHOR]);
        assert.deepEqual([feeds.sequence(slot), feeds.sequence(winner)], [5, 2]);
        lost.push(node);
      };
    }
    network.events.clear();
    network.run(60 * ROUND);
    assert.equal(frontiers(network).size, 1);
    assert.deepEqual(lost.sort(), [3, 4, 5]);
    for (const node of [2, 3, 4, 5]) {
      assert.deepEqual([holds(network, node, 6, 7), holds(network, node, 1, 1)], [true, false]);
    }
    assert.deepEqual((network.events.get(3) ?? []).map(({ sequence }) => sequence), [1, 2]);
  });

  it("a peer that always shows another branch cannot make the author begin generations without end", () => {
    const network = makeNetwork(3);
    logs(network, 1, 2);
    network.run(5 * ROUND);
    const liar = network.engines.get(2)!;
    const generations = new Set<number>();
    for (let lie = 0; lie < 100; lie++) {
      const slot = liar.rows.find(AUTHOR);
      liar.rows.subtractFromFeedsHash(slot);
      const { feeds } = liar.feed!;
      feeds.begin(slot, feeds.generation(slot) + 1);
      const event = bytesOf(logEvent(lie));
      assert.ok(feeds.append(slot, event, 0, event.length));
      liar.rows.addToFeedsHash(slot);
      network.run(ROUND / 2);
      generations.add(heldFeed(network.engines.get(AUTHOR)!, AUTHOR).frontier[0]);
    }
    // 8 at once, and one more in 64 rounds; and the one that it began with.
    assert.ok(generations.size > 2 && generations.size <= 10, [...generations].join());
    assert.ok(holds(network, AUTHOR, 1, 2));
  });
});
