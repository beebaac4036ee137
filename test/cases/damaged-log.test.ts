import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStorage } from "../../desktop/platform/file-storage.js";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";

const ROUND_MS = 10_000;
const PHYSICAL_START_MS = 1_767_225_600_000;
const EVENTS = 20;
const VALUES = Array.from({ length: EVENTS }, (_, i) => `event ${i}`);

/** What becomes of the log. `ends` are the sizes of the file after each event. */
type Damage = (file: Buffer, ends: readonly number[]) => Buffer;

/** Flips a bit in the middle of an event. */
function flipped(file: Buffer, ends: readonly number[], event: number): Buffer {
  file[ends[event] - 8] ^= 4;
  return file;
}

const DAMAGES: Record<string, Damage> = {
  "64 zero bytes in the middle of its log": (file, ends) => file.fill(0, ends[8], ends[8] + 64),
  "a flipped bit in its first event": (file, ends) => flipped(file, ends, 0),
  "a flipped bit in its last event": (file, ends) => flipped(file, ends, EVENTS - 1),
  "half of its log": (file, ends) => file.subarray(0, ends[EVENTS / 2] - 5),
};

describe("A node with a damaged log, whose peer holds all of its events", () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "chisme-case-")); });
  afterEach(() => rmSync(folder, { recursive: true }));

  function networkOf(): SimNetwork {
    const network = new SimNetwork({ seed: 7 });
    for (let i = 0; i < 2; i++) {
      network.addNode({
        physicalStartMs: PHYSICAL_START_MS,
        ...i === 1 && { makeStorage: () => new FileStorage(folder) },
        options: { seedList: ["10.0.0.1", "10.0.0.2"], events: eventFeeds({ bytes: 16384 }) },
      });
    }
    network.runFor(4 * ROUND_MS);
    return network;
  }

  function heldBy(node: SimNode): unknown[] {
    return node.gossip!.events().map(({ value }) => value);
  }

  function crash(node: SimNode): void {
    node.crash();
    (node.storage as FileStorage).close();
  }

  for (const [what, damage] of Object.entries(DAMAGES)) {
    for (const waitRounds of [0, 12]) {
      const when = waitRounds === 0 ? "at its start" : "after it heard the peer";
      it(`a node with ${what} that publishes ${when} loses nothing, and its log is repaired`, () => {
        const network = networkOf();
        const [peer, author] = network.nodes;
        const path = join(folder, "events");
        const ends: number[] = [];
        for (const value of VALUES) {
          author.log("door", value);
          ends.push(statSync(path).size);
        }
        network.runFor(4 * ROUND_MS);
        assert.deepEqual(heldBy(peer), VALUES);
        crash(author);
        writeFileSync(path, damage(readFileSync(path), ends));
        author.start();
        network.runFor(waitRounds * ROUND_MS);
        author.log("door", "new");
        network.runFor(30 * ROUND_MS);
        const all = [...VALUES, "new"];
        assert.deepEqual(heldBy(author), all);
        assert.deepEqual(heldBy(peer), all);
        const isTold = author.errors.filter(({ code }) => code === "storage").length > 0;
        assert.equal(isTold, what.includes("zero") || what.includes("flipped"), JSON.stringify(author.errors));
        crash(author);
        peer.crash();
        author.start();
        assert.deepEqual(heldBy(author), all, "from the log alone");
        crash(author);
      });
    }
  }
});
