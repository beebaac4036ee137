import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../desktop/simulator/index.js";
import { eventFeeds } from "../src/events/index.js";
import { feedKeeper } from "../src/keeper/index.js";
import { Gossip, type GossipStorage, type NodeRow } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";

/** 2026-01-01. */
const T = 1767225600000;
const NODES = 5;
const ROUND_MS = 10000;
const LOG_BYTES = 1 << 20;

interface Site {
  network: SimNetwork;
  keeper: SimNode;
  others: SimNode[];
  /** All states that applications were notified of, with the node that showed them. */
  states: { node: SimNode; row: NodeRow }[];
}

interface SiteOptions {
  seed?: number;
  bytes?: number;
  keeperBytes?: number;
  removeAfterMs?: number;
  /** Which of the nodes, the first is the keeper, keep their own events. */
  keepsOwn?: (index: number) => boolean;
  keeperStorage?: () => GossipStorage;
}

function storageOf(hasLog: boolean): GossipStorage {
  return hasLog ? new MemoryStorage(new MemoryLog({ bytesMax: LOG_BYTES })) : new MemoryStorage();
}

function keeperStorage(): GossipStorage {
  return new MemoryStorage(new MemoryLog({ bytesMax: LOG_BYTES }), new MemoryLog({ bytesMax: LOG_BYTES }));
}

function site(options: SiteOptions = {}): Site {
  const { seed = 7, bytes = 16384, keeperBytes = 65536, removeAfterMs = 86400000, keepsOwn = () => true } = options;
  const network = new SimNetwork({ seed });
  const states: Site["states"] = [];
  const nodes = Array.from({ length: NODES }, (_, index) => network.addNode({
    options: { seedList: ["10.0.0.1", "10.0.0.2"], removeAfterMs },
    physicalStartMs: T,
    makeStorage: () => index === 0 ? (options.keeperStorage ?? keeperStorage)() : storageOf(keepsOwn(index)),
    start(platform, storage, node) {
      const gossip = new Gossip({
        storage, ...platform,
        events: index === 0 ? feedKeeper({ bytes: keeperBytes }) : eventFeeds({ bytes }),
        onState: (row) => states.push({ node, row }),
        onError: (code, error) => node.errors.push({ code, message: error.message }),
      });
      gossip.start();
      return gossip;
    },
  }));
  network.runFor(60000);
  return { network, keeper: nodes[0], others: nodes.slice(1), states };
}

/** Vouchers that are set, set anew and removed, and entries of a log. */
function publish({ network, keeper, others }: Site): void {
  for (const node of [keeper, ...others]) {
    for (let i = 0; i < 8; i++) node.set("voucher", `${node.index}-${i}`, { mac: `02:00:00:00:0${node.index}:0${i}` });
    network.runFor(5000);
    node.set("voucher", `${node.index}-1`, { mac: "used" });
    node.remove("voucher", `${node.index}-2`);
    node.log("door", `opened by ${node.index}`);
    network.runFor(5000);
  }
  network.runFor(60000);
}

function held({ gossip }: SimNode): string[] {
  return (gossip?.events() ?? []).map(({ author, kind, topic, key, value, timeMs, counter }) => (
    JSON.stringify([author, kind, topic, key, value, timeMs, counter])
  )).sort();
}

function assertAllHold(nodes: readonly SimNode[], wanted: readonly string[], what: string): void {
  for (const node of nodes) {
    const found = new Set(held(node));
    assert.deepEqual(wanted.filter((event) => !found.has(event)), [], `${what}: ${node.name} lacks them`);
    assert.deepEqual(node.errors, [], `${what}: ${node.name}`);
  }
}

function cutPower(nodes: readonly SimNode[]): void {
  for (const node of nodes) node.crash();
}

describe("Gossip: a keeper", () => {
  it("brings back all events of all nodes after they lost power and their storage", () => {
    const made = site();
    const { network, keeper, others, states } = made;
    publish(made);
    const wanted = held(keeper);
    assert.ok(wanted.length > 40);
    cutPower([keeper, ...others]);
    states.length = 0;
    keeper.start();
    for (const node of others) node.restart({ keepStorage: false });
    network.runFor(10 * 60000);
    assertAllHold([keeper, ...others], wanted, "all came back");
    for (const node of others) node.set("voucher", `${node.index}-3`, { mac: "again" });
    network.runFor(60000);
    const later = held(keeper);
    assertAllHold([keeper, ...others], later, "all went on");
    for (const node of others) assert.ok(later.some((text) => text.startsWith(`[${node.id},`) && /again/.test(text)));
    assert.deepEqual(states.filter(({ row }) => row.state === "down"), []);
  });

  it("gives the events of authors that do not return to new nodes", () => {
    const made = site();
    const { network, keeper, others } = made;
    publish(made);
    const wanted = held(keeper);
    cutPower([keeper, ...others]);
    keeper.start();
    const [first] = others;
    first.restart({ keepStorage: false });
    network.runFor(60000);
    assertAllHold([keeper, first], wanted, "before the others are down");
    network.runFor(30 * 60000);
    assertAllHold([keeper, first], wanted, "when the others are down");
    const states = keeper.gossip?.rows().map(({ state }) => state).sort();
    assert.deepEqual(states, ["down", "down", "down", "up", "up"]);
  });

  it("finds all of it again at each of many starts, alone", () => {
    const made = site();
    const { network, keeper, others } = made;
    publish(made);
    const wanted = held(keeper);
    cutPower(others);
    for (let i = 0; i < 5; i++) {
      keeper.restart({ keepStorage: true });
      network.runFor(i * ROUND_MS);
      assertAllHold([keeper], wanted, `start ${i}`);
    }
  });

  it("has nobody suspect a node that runs when it restarts alone", () => {
    const made = site();
    const { network, keeper, others, states } = made;
    publish(made);
    states.length = 0;
    for (let i = 0; i < 3; i++) {
      keeper.restart({ keepStorage: true });
      network.runFor(10 * 60000);
    }
    const wrong = states.filter(({ node, row }) => node !== keeper && !["up", "probed"].includes(row.state));
    assert.deepEqual(wrong.map(({ node, row }) => `${node.name}: ${row.address} ${row.state}`), []);
    assert.deepEqual(states.filter(({ row }) => row.state === "down"), []);
    assertAllHold([keeper, ...others], held(keeper), "after three starts");
  });

  it("stores another generation of a feed, and what came after it", () => {
    // A wiped node starts at a random heartbeat. With this seed that is below the former one, so that it learns of it.
    const made = site({ seed: 3 });
    const { network, keeper, others } = made;
    publish(made);
    // Wiped, the author gets its feed back, and goes on in another generation.
    others[0].restart({ keepStorage: false });
    network.runFor(60000);
    for (let i = 0; i < 3; i++) others[0].set("voucher", `more ${i}`, i);
    network.runFor(60000);
    const wanted = held(keeper);
    const [generation] = keeper.gossip!.frontier().filter(({ author }) => author === others[0].id);
    assert.ok(generation.generation > 0);
    cutPower([keeper, ...others]);
    keeper.start();
    others[1].restart({ keepStorage: false });
    network.runFor(60000);
    assertAllHold([keeper, others[1]], wanted, "all");
  });

  it("forgets a row that was removed, with its feed", () => {
    const made = site({ removeAfterMs: 60000 });
    const { network, keeper, others } = made;
    publish(made);
    others[0].crash();
    network.runFor(10 * 60000);
    assert.equal(keeper.gossip?.row(others[0].id), undefined);
    keeper.restart({ keepStorage: true });
    assert.equal(keeper.gossip?.row(others[0].id), undefined);
    assert.ok(keeper.gossip?.row(others[1].id) !== undefined);
  });

  it("stores the values of authors whose log events found no room", () => {
    const made = site({ keeperBytes: 8192, bytes: 4096 });
    const { network, keeper, others } = made;
    publish(made);
    for (let i = 0; i < 300; i++) {
      others[i % 4].log("door", `entry number ${i}`);
      network.runFor(500);
    }
    network.runFor(60000);
    // Without the values that others replaced: they go like log events.
    const values = held(keeper).filter((text) => /"set","voucher"/.test(text) && !/-[12]",[{]"mac":"02/.test(text));
    assert.ok(values.length >= 35, `${values.length}`);
    cutPower([keeper, ...others]);
    keeper.start();
    others[0].restart({ keepStorage: false });
    network.runFor(60000);
    assertAllHold([keeper, others[0]], values, "all values");
    assert.ok(held(keeper).some((text) => /entry number 299/.test(text)));
  });

  it("writes at most once a second, and twice as much as arrives", () => {
    let writes = 0;
    let bytesWritten = 0;
    const made = site({
      keeperBytes: 8192,
      keeperStorage: () => {
        const tear = (length: number): number => {
          writes++;
          bytesWritten += length;
          return length;
        };
        return new MemoryStorage(new MemoryLog({ bytesMax: LOG_BYTES }), new MemoryLog({ bytesMax: LOG_BYTES, tear }));
      },
    });
    const { network, others } = made;
    publish(made);
    writes = 0;
    bytesWritten = 0;
    const seconds = 600;
    let bytes = 0;
    for (let i = 0; i < seconds * 8; i++) {
      others[i % 4].log("door", `entry number ${i}`);
      bytes += 40;
      network.runFor(125);
    }
    // A rewrite puts several records.
    assert.ok(writes <= seconds * 1.2 && writes > seconds / 2, `${writes}`);
    assert.ok(bytesWritten < bytes * 3, `${bytesWritten} of ${bytes}`);
  });

  it("goes on with the old rows and feeds when a write fails, and stores all once the disk works again", () => {
    let isFailing = false;
    const made = site({
      keeperStorage: () => {
        const tear = (length: number): number => {
          if (isFailing) throw new Error("no space");
          return length;
        };
        return new MemoryStorage(new MemoryLog({ bytesMax: LOG_BYTES }), new MemoryLog({ bytesMax: LOG_BYTES, tear }));
      },
    });
    const { network, keeper, others } = made;
    isFailing = true;
    publish(made);
    isFailing = false;
    // The node tries again after up to 640 s.
    network.runFor(660000);
    assert.equal(keeper.errors.length, 2);
    assert.match(keeper.errors[0].message, /no space/);
    assert.match(keeper.errors[1].message, /stored again/);
    const wanted = held(keeper);
    cutPower([keeper, ...others]);
    keeper.errors.length = 0;
    keeper.start();
    assertAllHold([keeper], wanted, "all");
  });

  it("refuses a storage without a log for feeds, and more authors than rows", () => {
    const made = site();
    const { network, keeper, others } = made;
    assert.throws(() => new Gossip({
      socket: { bind() {}, send() {}, ownAddress: () => 1, deviceId: () => 1, close() {} },
      clock: { nowMs: () => 0, setTimer: () => 0, clearTimer() {} },
      events: feedKeeper({ digest: { sha256() {} } }), storage: new MemoryStorage(),
    }), { code: "ERR_OPTION", message: /^storage: a keeper needs a storage with a log for feeds/ });
    publish(made);
    cutPower([keeper, ...others]);
    const small = network.addNode({
      options: { capacity: 3, events: feedKeeper({ bytes: 65536 }) }, startAfterMs: Infinity,
      makeStorage: () => keeper.storage,
    });
    assert.throws(() => small.start(), { code: "ERR_STORAGE", message: /2 more authors .* \(capacity: 3\)/ });
  });
});
