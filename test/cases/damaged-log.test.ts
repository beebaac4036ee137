import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStorage } from "../../desktop/platform/file-storage.js";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";

const ROUND_MS = 10_000;
const PHYSICAL_START_MS = 1_767_225_600_000;
const EVENTS = 20;
const VALUES = Array.from({ length: EVENTS }, (_, i) => `event ${i}`);

/** Where a value begins in the file. */
function placeOf(file: Buffer, value: string): number {
  const place = file.indexOf(value);
  assert.ok(place > 0, value);
  return place;
}

const DAMAGES: Record<string, (file: Buffer) => Buffer> = {
  "64 zero bytes in the middle of its log": (file) => {
    const place = placeOf(file, VALUES[8]);
    return file.fill(0, place, place + 64);
  },
  "a flipped bit in its first event": (file) => {
    file[placeOf(file, VALUES[0])] ^= 4;
    return file;
  },
  "a flipped bit in its last event": (file) => {
    file[placeOf(file, VALUES[EVENTS - 1])] ^= 4;
    return file;
  },
  "half of its log": (file) => file.subarray(0, file.length >>> 1),
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
        for (const value of VALUES) author.log("door", value);
        network.runFor(4 * ROUND_MS);
        assert.deepEqual(heldBy(peer), VALUES);
        crash(author);
        const path = join(folder, "events");
        writeFileSync(path, damage(readFileSync(path)));
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
