import assert from "node:assert/strict";
import type { LinkEnd } from "../desktop/simulator/faults.js";
import { SimNetwork, type SimNode } from "../desktop/simulator/index.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { eventFeeds } from "../src/events/index.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import { count } from "./support/random.js";

/*
 * A board among four nodes starts with an event log that is older than what its peers hold, damaged or wiped. Whatever
 * it publishes, and whenever: no event is lost that is intact in its log or held by a peer.
 */
const NODES = 4;
const RECORDS = 30;
const EPOCH_MS = 1.7e12;
const BUFFER_BYTES = 8192;
/** Milliseconds after which all nodes hold the same. */
const SETTLED_MS = 300e3;

type Records = Uint8Array[];
interface Board {
  network: SimNetwork;
  node: SimNode;
  log: MemoryLog;
  /** What the log held after all of the board's events. */
  records: Records;
  revision: number;
}

/** When the board publishes after its start. */
const TIMES: readonly [name: string, afterMs: number][] = [["at once", 0], ["after 30 s", 30e3], ["never", -1]];

function recordsOf(log: MemoryLog): Records {
  const records: Records = [];
  log.read((bytes, length) => records.push(bytes.slice(0, length)));
  return records;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

/** Four nodes. The last one is the board: it published RECORDS events and is off. The peers lack the last `unsent`. */
function makeBoard(seed: number, unsent: number): Board {
  const network = new SimNetwork({ seed });
  const logs: MemoryLog[] = [];
  for (let i = 0; i < NODES; i++) {
    network.addNode({
      physicalStartMs: EPOCH_MS,
      makeStorage: () => new MemoryStorage(logs[i] = new MemoryLog()),
      options: { events: eventFeeds({ bytes: BUFFER_BYTES, digest: nodeDigest }), seedList: ["10.0.0.1"] },
    });
  }
  network.runFor(60e3);
  const node = network.nodes[NODES - 1];
  for (let i = 1; i <= RECORDS; i++) {
    if (i === RECORDS + 1 - unsent) {
      // The events before it reach the peers.
      network.runFor(10e3);
      network.faults.cuts.push(() => true);
    }
    node.gossip!.log("door", i);
    network.runFor(i % 10 === 0 ? 10e3 : 100);
  }
  if (unsent === 0) network.runFor(60e3);
  const revision = node.storage.readRevision()!;
  node.crash();
  network.faults.cuts.length = 0;
  const log = logs[NODES - 1];
  return { network, node, log, records: recordsOf(log), revision };
}

/** Starts the board with these records, publishes, and returns what each node then holds of the board. */
function restart({ network, node, log }: Board, records: Records, publishAfterMs: number): unknown[][] {
  log.rewrite((put) => records.forEach((record) => put(record, record.length)));
  network.runFor(30e3);
  node.start();
  if (publishAfterMs > 0) network.runFor(publishAfterMs);
  if (publishAfterMs >= 0) node.gossip!.log("boot", "boot");
  network.runFor(SETTLED_MS);
  return network.running.map(({ gossip }) => {
    return gossip!.events().filter(({ author }) => author === node.id).map(({ value }) => value);
  });
}

/** All nodes hold these events, and nothing else, and each only once; "boot" too if it was published. */
function assertHeld(held: unknown[][], expected: number[], publishAfterMs: number, what: string): void {
  const all = publishAfterMs < 0 ? expected : [...expected, "boot"];
  for (const values of held) {
    const sorted = values.slice().sort((one, other) => Number(one) - Number(other));
    const lost = all.filter((value) => !values.includes(value));
    assert.deepEqual({ lost, held: sorted.length }, { lost: [], held: all.length }, what);
  }
}

describe("A board that starts with a log that is not its last one", () => {
  for (const [when, afterMs] of TIMES) {
    it(`loses no event with each older image of the log, if it publishes ${when}`, () => {
      for (let length = 0; length <= RECORDS; length += count(1, 7)) {
        const board = makeBoard(length + 1, 0);
        const held = restart(board, board.records.slice(0, length), afterMs);
        assertHeld(held, numbers(1, RECORDS), afterMs, `an image of ${length} records`);
      }
    });

    it(`loses no event that log or peers hold if records of the log are damaged, and it publishes ${when}`, () => {
      for (let damaged = 1; damaged <= RECORDS; damaged += count(1, 9)) {
        const board = makeBoard(damaged + 1, 5);
        const isKept = (i: number): boolean => i !== damaged && i !== (damaged * 7) % RECORDS + 1;
        const held = restart(board, board.records.filter((_, i) => isKept(i + 1)), afterMs);
        const expected = numbers(1, RECORDS).filter((i) => i <= RECORDS - 5 || isKept(i));
        assertHeld(held, expected, afterMs, `without record ${damaged}`);
      }
    });

    it(`loses no event that its peers hold if its storage is wiped, and it publishes ${when}`, () => {
      const board = makeBoard(3, 0);
      // A storage that remembers no revision either.
      board.node.storage = new MemoryStorage(board.log);
      const held = restart(board, [], afterMs);
      assertHeld(held, numbers(1, RECORDS), afterMs, "a wiped storage");
    });

    it(`holds all that is intact if it has no peers, and it publishes ${when}`, () => {
      for (let damaged = 1; damaged <= RECORDS; damaged += count(3, 9)) {
        const board = makeBoard(damaged, 0);
        for (const peer of board.network.nodes.slice(0, -1)) peer.crash();
        const held = restart(board, board.records.filter((_, i) => i + 1 !== damaged), afterMs);
        assertHeld(held, numbers(1, RECORDS).filter((i) => i !== damaged), afterMs, `without record ${damaged}`);
      }
    });
  }

  it("joins several branches that peers hold of it, and what it published before", () => {
    // Each life begins from the image of one event, and reaches one peer only.
    const board = makeBoard(5, RECORDS - 1);
    const { network, node, log } = board;
    const first = board.records.slice(0, 1);
    log.rewrite((put) => first.forEach((record) => put(record, record.length)));
    for (let life = 0; life < NODES - 1; life++) {
      const other: LinkEnd[] = network.nodes.filter((peer, i) => peer !== node && i !== life);
      const isCut = (from: LinkEnd, to: LinkEnd): boolean => from !== node && to !== node;
      network.faults.cuts = [isCut, (from, to) => other.includes(from === node ? to : from)];
      node.start();
      for (let i = 0; i < 5; i++) node.gossip!.log("life", 100 * (life + 1) + i);
      network.runFor(60e3);
      node.crash();
      log.rewrite((put) => first.forEach((record) => put(record, record.length)));
      node.storage.writeRevision(board.revision);
    }
    // The peers do not meet before the board is back: without it they would keep one branch only.
    network.faults.cuts = [(from, to) => from !== node && to !== node];
    const held = restart(board, first, 0);
    const expected = [1, ...[1, 2, 3].flatMap((life) => numbers(100 * life, 100 * life + 4))];
    assertHeld(held, expected, 0, "three lives");
  });
});
