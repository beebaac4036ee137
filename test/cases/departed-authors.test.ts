import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { type CborValue, Gossip } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../../src/views/latest-map.js";
import { type TopicMerge, topicMerge } from "../../src/views/topic-merge.js";
import { isFast } from "../support/random.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const PHYSICAL_START_MS = 1_700_000_000_000;

/** A network of portals that sell vouchers, and an admin's laptop. */
class Portals {
  readonly network = new SimNetwork({ seed: 5 });
  private readonly maps = new Map<SimNode, LatestMap>();
  private readonly merges = new Map<SimNode, TopicMerge<CborValue[]>>();
  private readonly removeAfterMs: number;

  constructor(removeAfterMs: number) {
    this.removeAfterMs = removeAfterMs;
    for (let i = 0; i < 5; i++) this.addNode();
    this.network.runFor(HOUR_MS);
  }

  get portal(): SimNode { return this.network.nodes[1]; }
  get laptop(): SimNode { return this.network.nodes[4]; }

  addNode(hasClock = true): SimNode {
    return this.network.addNode({
      options: { seedList: ["10.0.0.1", "10.0.0.2"], removeAfterMs: this.removeAfterMs },
      ...hasClock && { physicalStartMs: PHYSICAL_START_MS },
      makeStorage: () => new MemoryStorage(new MemoryLog()),
      start: (platform, storage, node) => {
        const map = latestMap();
        const merge = topicMerge({ topic: "+taken", merge: (taken) => taken.map(({ value }) => value) });
        this.maps.set(node, map);
        this.merges.set(node, merge);
        const onError = (code: string, error: Error): void => assert.fail(`${node.name}: ${code} ${error.message}`);
        const events = eventFeeds({ bytes: 65536, views: [map, merge] });
        const gossip = new Gossip({ ...platform, storage, events, onError });
        gossip.start();
        return gossip;
      },
    });
  }

  /** Switches all nodes off, and those that did not leave on again a minute later. */
  cutPower(): void {
    const running = this.network.running;
    for (const node of running) node.crash();
    this.network.runFor(MINUTE_MS);
    for (const node of running) node.start();
    this.network.runFor(10 * MINUTE_MS);
  }

  /** What the running nodes show for a voucher, each value once. */
  shown(voucher: string): unknown[] {
    return [...new Set(this.network.running.map((node) => this.maps.get(node)?.get("voucher", voucher)))];
  }

  /** What each running node shows of the sums that nodes took from a voucher. */
  taken(voucher: string): unknown[] {
    return this.network.running.map((node) => this.merges.get(node)?.get(voucher));
  }
}

/** A copy of a storage, as of an SD card. */
function imageOf({ storage }: SimNode): MemoryStorage {
  const log = new MemoryLog();
  storage.log?.read((bytes, length) => log.append(bytes, length));
  const image = new MemoryStorage(log);
  image.writeRevision(storage.readRevision() ?? 0);
  return image;
}

describe("What an author that left for ever had said last", function () {
  this.timeout(600_000);

  for (const removeAfterMs of [10 * MINUTE_MS, DAY_MS]) {
    const name = removeAfterMs === DAY_MS ? "default options" : "rows removed after 10 minutes";
    for (const [how, value] of [["removal", undefined], ["change", "used"]] as const) {
      for (const end of ["says goodbye", "loses its power"] as const) {
        // With default options two days are 17,000 rounds.
        if (removeAfterMs === DAY_MS && (isFast || how === "change" || end === "loses its power")) continue;
        it(`the ${how} of a voucher stays after a laptop ${end} (${name})`, () => {
          const portals = new Portals(removeAfterMs);
          const { network, portal, laptop } = portals;
          portal.set("voucher", "7", "valid");
          network.runFor(MINUTE_MS);
          assert.deepEqual(portals.shown("7"), ["valid"]);
          if (how === "removal") laptop.remove("voucher", "7");
          else laptop.set("voucher", "7", "used");
          network.runFor(MINUTE_MS);
          assert.deepEqual(portals.shown("7"), [value]);
          if (end === "says goodbye") laptop.close();
          else laptop.crash();
          for (let part = 0; part < 12; part++) {
            network.runFor(removeAfterMs / 5);
            assert.deepEqual(portals.shown("7"), [value], `after ${(part + 1) / 5} times removeAfterMs`);
          }
          const isHeld = network.running.some((node) => node.gossip!.rows().some(({ id }) => id === laptop.id));
          assert.equal(isHeld, false, "the laptop is forgotten");
          portals.addNode();
          network.runFor(10 * MINUTE_MS);
          assert.deepEqual(portals.shown("7"), [value], "with a new node");
          portals.cutPower();
          assert.deepEqual(portals.shown("7"), [value], "after all lost their power");
          // The portal that sold the voucher was repaired, and has an empty flash.
          portal.restart({ keepStorage: false });
          network.runFor(3 * removeAfterMs);
          assert.deepEqual(portals.shown("7"), [value], "after the portal lost its storage");
        });
      }
    }
  }

  it("values of an author that left stay, and a late removal by another node counts", () => {
    const portals = new Portals(10 * MINUTE_MS);
    const { network, laptop } = portals;
    for (let voucher = 0; voucher < 30; voucher++) laptop.set("voucher", String(voucher), `of the laptop ${voucher}`);
    network.runFor(5 * MINUTE_MS);
    laptop.crash();
    network.runFor(2 * HOUR_MS);
    portals.cutPower();
    for (let voucher = 0; voucher < 30; voucher++) {
      assert.deepEqual(portals.shown(String(voucher)), [`of the laptop ${voucher}`]);
    }
    network.nodes[2].remove("voucher", "3");
    network.runFor(HOUR_MS);
    assert.deepEqual(portals.shown("3"), [undefined]);
    // The laptop comes back with the log of then.
    laptop.start();
    network.runFor(HOUR_MS);
    assert.deepEqual(portals.shown("3"), [undefined]);
    assert.deepEqual(portals.shown("4"), ["of the laptop 4"]);
  });

  it("a board without a clock that returns with an older log does not end what it does not know any more", () => {
    const portals = new Portals(10 * MINUTE_MS);
    const { network, portal, laptop } = portals;
    const board = portals.addNode(false);
    network.runFor(5 * MINUTE_MS);
    // The board takes the time from these events.
    for (const node of [portal, laptop]) node.log("door", "open");
    network.runFor(HOUR_MS);
    assert.equal(board.gossip?.stats().clock, "peers");
    board.set("voucher", "8", "old");
    network.runFor(MINUTE_MS);
    const image = imageOf(board);
    board.set("voucher", "9", "new");
    network.runFor(5 * MINUTE_MS);
    board.crash();
    network.runFor(2 * HOUR_MS);
    assert.deepEqual(portals.shown("9"), ["new"]);
    board.storage = image;
    board.start();
    // Its stamp is before that of the last value, as the board does not know the time yet.
    board.log("door", "boot");
    network.runFor(2 * HOUR_MS);
    assert.deepEqual(portals.shown("8"), ["old"]);
    assert.deepEqual(portals.shown("9"), ["new"]);
  });

  it("what an author that returns late withdraws from a merge topic is withdrawn at all nodes", () => {
    const portals = new Portals(10 * MINUTE_MS);
    const { network, portal, laptop } = portals;
    const five = <Item>(item: Item): Item[] => [item, item, item, item, item];
    portal.set("+taken", "7", 1);
    laptop.set("+taken", "7", 2);
    network.runFor(5 * MINUTE_MS);
    laptop.crash();
    network.runFor(2 * HOUR_MS);
    assert.deepEqual(portals.taken("7"), five([1, 2]).slice(1), "copied by another node");
    laptop.start();
    network.runFor(HOUR_MS);
    assert.deepEqual(portals.taken("7"), five([1, 2]), "the copy has ended");
    laptop.withdraw("+taken", "7");
    assert.deepEqual(portals.taken("7").at(-1), [1], "at the laptop itself");
    network.runFor(HOUR_MS);
    assert.deepEqual(portals.taken("7"), five([1]));
  });
});
