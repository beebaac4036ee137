import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FILE_HEADER } from "../desktop/platform/file-log.js";
import { FileStorage } from "../desktop/platform/file-storage.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { eventFeeds } from "../src/events/index.js";
import type { GossipStorage } from "../src/gossip.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";
import { count } from "./support/random.js";

const T = 1767225600000;
const ADDRESS = "192.168.0.54";
const PEER = "192.168.0.53";
const EVENTS = 30;
const EVENTS_WITH_PEER = 20;

describe("A node with a damaged event log", () => {
  let folder: string;
  let storages: FileStorage[] = [];
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "chisme-damage-")); });
  afterEach(() => {
    closeStorages();
    rmSync(folder, { recursive: true });
  });
  const path = (): string => join(folder, "events");

  function openStorage(): FileStorage {
    const storage = new FileStorage(folder);
    storages.push(storage);
    return storage;
  }

  /** Releases the folder, which a storage locks. */
  function closeStorages(): void {
    for (const storage of storages) storage.close();
    storages = [];
  }

  function start(network: FakeNetwork, address: string, storage?: GossipStorage): { node: FakeNode; errors: string[] } {
    const errors: string[] = [];
    const events = eventFeeds({ bytes: 16384, digest: nodeDigest });
    const seedList = [address === PEER ? ADDRESS : PEER];
    const onError = (code: string, error: Error): void => void errors.push(`${code} ${error.message}`);
    const more = storage === undefined ? {} : { storage };
    const node = new FakeNode(network, address, { seedList, events, onError, ...more });
    node.clock.physicalMs = () => T + network.nowMs;
    node.gossip.start();
    return { node, errors };
  }

  function stop(network: FakeNetwork, node: FakeNode): void {
    network.sockets.delete(node.socket.address);
    node.socket.isCut = true;
    node.clock.stop();
    closeStorages();
  }

  function values(node: FakeNode): unknown[] {
    return node.gossip.events().map((event) => event.value);
  }

  /** A log of the values 1 to EVENTS, and where each record ends. */
  function fill(): { whole: Buffer; ends: number[] } {
    const network = new FakeNetwork();
    const { node } = start(network, ADDRESS, openStorage());
    const ends: number[] = [];
    for (let i = 1; i <= EVENTS; i++) {
      node.gossip.log("door", i);
      ends.push(readFileSync(path()).length);
    }
    stop(network, node);
    return { whole: readFileSync(path()), ends };
  }

  function restart(): { found: unknown[]; errors: string[] } {
    const network = new FakeNetwork();
    const { node, errors } = start(network, ADDRESS, openStorage());
    const found = values(node);
    stop(network, node);
    return { found, errors };
  }

  it("shows all acknowledged events but the one in which a bit flips, and tells so once", () => {
    const { whole, ends } = fill();
    const all = Array.from({ length: EVENTS }, (_, i) => i + 1);
    for (let at = 0; at < whole.length; at += count(1, 19)) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 1 << at % 8;
      writeFileSync(path(), bytes);
      const { found, errors } = restart();
      const hit = at < FILE_HEADER.length ? 0 : ends.findIndex((end) => at < end) + 1;
      const isLost = found.length < EVENTS;
      assert.deepEqual(found, isLost ? all.filter((value) => value !== hit) : all, `byte ${at}`);
      if (isLost && hit < EVENTS) {
        assert.equal(errors.length, 1);
        assert.match(errors[0], /^storage the event log is damaged: places: 1, bytes: \d+, events missing: up to 1, /);
      }
      // The next start finds them, too.
      assert.deepEqual(restart().found, found, `byte ${at}, the second start`);
    }
  }).timeout(180000);

  it("shows the events of an older or a cut log, without an error", () => {
    const { whole, ends } = fill();
    for (let length = FILE_HEADER.length; length <= whole.length; length += count(1, 19)) {
      writeFileSync(path(), whole.subarray(0, length));
      const { found, errors } = restart();
      assert.deepEqual(found, Array.from({ length: ends.filter((end) => end <= length).length }, (_, i) => i + 1));
      assert.deepEqual(errors, []);
    }
  }).timeout(180000);

  for (const [what, lost] of [["the first event", 1], ["an event in the middle", 7]] as const) {
    it(`begins a new generation without ${what} when it publishes, and a restart has all of it`, () => {
      const { whole, ends } = fill();
      whole[ends[lost - 1] - 1] ^= 1;
      writeFileSync(path(), whole);
      const network = new FakeNetwork();
      const { node, errors } = start(network, ADDRESS, openStorage());
      node.gossip.log("door", 99);
      const expected = [...Array.from({ length: EVENTS }, (_, i) => i + 1).filter((value) => value !== lost), 99];
      assert.deepEqual(values(node), expected);
      assert.deepEqual(node.gossip.frontier().map((entry) => entry.sequence), [expected.length]);
      stop(network, node);
      assert.deepEqual(errors.slice(1), [
        "storage the event log is repaired: events that came back from peers: 0, not found: 1",
      ]);
      assert.deepEqual(restart(), { found: expected, errors: [] });
    });
  }

  /** Node and peer hold EVENTS_WITH_PEER events; then the node has as many more that no peer has, and damage. */
  function damaged(network: FakeNetwork, lost: number): FakeNode {
    const peer = start(network, PEER).node;
    const { node } = start(network, ADDRESS, openStorage());
    network.run(30000);
    const ends: number[] = [];
    for (let i = 1; i <= EVENTS_WITH_PEER; i++) {
      node.gossip.log("door", i);
      ends.push(readFileSync(path()).length);
    }
    network.run(60000);
    assert.equal(values(peer).length, EVENTS_WITH_PEER);
    node.socket.isCut = true;
    for (let i = EVENTS_WITH_PEER + 1; i <= EVENTS; i++) {
      node.gossip.log("door", i);
      ends.push(readFileSync(path()).length);
    }
    stop(network, node);
    const bytes = readFileSync(path());
    bytes[ends[lost - 1] - 1] ^= 1;
    writeFileSync(path(), bytes);
    return peer;
  }

  for (const lost of [1, 7, EVENTS_WITH_PEER]) {
    it(`gets event ${lost} back from a peer that holds it, and loses none that the peer lacks`, () => {
      const network = new FakeNetwork();
      const peer = damaged(network, lost);
      const { node, errors } = start(network, ADDRESS, openStorage());
      network.run(300000);
      const all = Array.from({ length: EVENTS }, (_, i) => i + 1);
      assert.deepEqual(values(node), all);
      assert.deepEqual(values(peer), all);
      assert.equal(errors.length, 2);
      assert.match(errors[0], /^storage the event log is damaged: places: 1, /);
      // What comes back after the log was repaired is not told again.
      assert.match(errors[1], /^storage the event log is repaired: events that came back from peers: [01], not found: [01]$/);
      stop(network, node);
      assert.deepEqual(restart(), { found: all, errors: [] });
    });
  }

  it("begins a new generation after 6 rounds with peers that cannot fill the hole", () => {
    const network = new FakeNetwork();
    const lost = EVENTS_WITH_PEER + 3;
    const peer = damaged(network, lost);
    const { node, errors } = start(network, ADDRESS, openStorage());
    network.run(300000);
    const rest = Array.from({ length: EVENTS }, (_, i) => i + 1).filter((value) => value !== lost);
    assert.deepEqual(values(node), rest);
    assert.deepEqual(values(peer), rest);
    assert.deepEqual(errors.slice(1), [
      "storage the event log is repaired: events that came back from peers: 0, not found: 1",
    ]);
    stop(network, node);
  });
});
