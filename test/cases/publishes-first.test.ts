import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { count } from "../support/random.js";

const ROUND_MS = 10_000;
const PHYSICAL_START_MS = 1_767_225_600_000;
const EVENTS = 30;
const FIRST_SEED = 800_001;

/** What a restart finds in the log: whether record `index` is there. `hit` is a record in the middle. */
const LOGS: Record<string, ((index: number, hit: number) => boolean) | undefined> = {
  "an intact log": () => true,
  "no log": undefined,
  "a log without its last 3 records, as of a disk that lied about its cache": (index) => index < EVENTS - 3,
  "a log with a damaged record": (index, hit) => index !== hit,
  "a log that is 10 events old": (index) => index < EVENTS - 10,
  "an empty log": () => false,
};

function networkOf(nodes: number, seed: number, hasLog: boolean): SimNetwork {
  const network = new SimNetwork({ seed });
  for (let i = 0; i < nodes; i++) {
    network.addNode({
      physicalStartMs: PHYSICAL_START_MS,
      makeStorage: ({ index }) => index === 0 && !hasLog ? new MemoryStorage() : new MemoryStorage(new MemoryLog()),
      options: { roundIntervalMs: ROUND_MS, seedList: ["10.0.0.1", "10.0.0.2"], events: eventFeeds({ bytes: 32768 }) },
    });
  }
  network.runFor(4 * ROUND_MS);
  return network;
}

/** Leaves some records in the log of a node that is off. */
function damage({ storage: { log } }: SimNode, isLeft: (index: number) => boolean): void {
  const records: Uint8Array[] = [];
  log?.read((bytes, length) => records.push(bytes.slice(0, length)));
  assert.equal(records.length, EVENTS);
  log?.rewrite((put) => records.forEach((record, index) => {
    if (isLeft(index)) put(record, record.length);
  }));
}

/** Values of a node's log events, in the order of a peer's feed. */
function heldBy(node: SimNode, author: SimNode): unknown[] {
  return node.gossip!.events().filter((event) => event.author === author.id).map(({ value }) => value);
}

describe("A node that publishes before it has heard its peers", function () {
  this.timeout(600_000);

  for (const [what, isLeft] of Object.entries(LOGS)) {
    for (const waitRounds of [0, 2]) {
      const when = waitRounds === 0 ? "at its start" : `${waitRounds} rounds after its start`;
      it(`every node keeps all events of an author with ${what} that publishes ${when}`, () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + count(6, 1); seed++) {
          const network = networkOf(3 + seed % 5, seed, isLeft !== undefined);
          const [author] = network.nodes;
          for (let value = 1; value <= EVENTS; value++) {
            author.log("t", value);
            network.runFor(700);
          }
          network.runFor(5 * ROUND_MS);
          author.crash();
          if (isLeft !== undefined) damage(author, (index) => isLeft(index, 1 + seed % 28));
          author.start();
          network.runFor(waitRounds * ROUND_MS);
          author.log("t", "boot");
          network.runFor(15 * ROUND_MS);
          const all = [...Array.from({ length: EVENTS }, (_, i) => i + 1), "boot"];
          for (const node of network.nodes) assert.deepEqual(heldBy(node, author), all, `seed ${seed}, ${node.name}`);
          // What came back is in the log, too: a network that starts anew has all of it.
          if (isLeft === undefined) continue;
          for (const node of network.nodes) node.crash();
          author.start();
          network.runFor(ROUND_MS);
          assert.deepEqual(heldBy(author, author), all, `seed ${seed}, from the log`);
        }
      });
    }
  }
});
