import assert from "node:assert/strict";
import { SimNetwork } from "../desktop/simulator/index.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip, type GossipOptions } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";

const MINUTE_MS = 60000;

interface Limits {
  value?: number;
  /** Undefined: the node keeps no feeds. */
  event?: number;
}

/** Nodes of a simulated network with these limits, and what each was notified of. */
class LimitedNetwork {
  readonly network = new SimNetwork({ seed: 7 });
  readonly errors: string[][] = [];
  readonly values: unknown[][] = [];

  constructor(limits: Limits[], minutes = 5) {
    limits.forEach(({ value, event }, i) => {
      this.errors.push([]);
      this.values.push([]);
      this.network.addNode({
        physicalStartMs: 1.8e12,
        makeStorage: () => new MemoryStorage(new MemoryLog()),
        start: (platform, storage) => {
          const options: GossipOptions = {
            ...platform, storage, seedList: ["10.0.0.1"],
            onError: (code, error) => this.errors[i].push(`${code}: ${error.message}`),
          };
          if (value !== undefined) options.valueBytesMax = value;
          if (event !== undefined) {
            options.events = eventFeeds({
              bytes: 16384, eventBytesMax: event, onEvent: (each) => this.values[i].push(each.value),
            });
          }
          const gossip = new Gossip(options);
          gossip.start();
          return gossip;
        },
      });
    });
    this.run(minutes);
  }

  gossip(i: number): Gossip {
    return this.network.nodes[i].gossip!;
  }

  run(minutes: number): void {
    this.network.runFor(minutes * MINUTE_MS);
  }

  /** The node that a node of three was notified of, and the rest of the message. */
  told(i: number): string[] {
    return this.errors[i].map((text) => text.replace(/node (10\.0\.0\.\d):5000 \(id \d+\)/, "$1")).sort();
  }
}

describe("nodes with different limits", () => {
  const three = [{ value: 32, event: 64 }, { value: 128, event: 128 }, { value: 255, event: 512 }];

  it("each node is notified of each other one once, with both numbers", () => {
    const limited = new LimitedNetwork(three, 60);
    assert.deepEqual([0, 1, 2].map((i) => limited.told(i)), [
      [
        "limits: 10.0.0.2 keeps values of up to 128 bytes, this node up to 32; and events of up to 128 bytes, "
          + "this node up to 64",
        "limits: 10.0.0.3 keeps values of up to 255 bytes, this node up to 32; and events of up to 512 bytes, "
          + "this node up to 64",
      ], [
        "limits: 10.0.0.1 keeps values of up to 32 bytes, this node up to 128; and events of up to 64 bytes, "
          + "this node up to 128",
        "limits: 10.0.0.3 keeps values of up to 255 bytes, this node up to 128; and events of up to 512 bytes, "
          + "this node up to 128",
      ], [
        "limits: 10.0.0.1 keeps values of up to 32 bytes, this node up to 255; and events of up to 64 bytes, "
          + "this node up to 512",
        "limits: 10.0.0.2 keeps values of up to 128 bytes, this node up to 255; and events of up to 128 bytes, "
          + "this node up to 512",
      ],
    ]);
  });

  it("a node with a long value is known to all, and the ones with less room have its row without the value", () => {
    const limited = new LimitedNetwork(three);
    limited.gossip(2).push("x".repeat(200));
    limited.gossip(1).push("y".repeat(100));
    limited.run(5);
    const data = [0, 1, 2].map((i) => ["10.0.0.2", "10.0.0.3"].map((node) => {
      const row = limited.gossip(i).row(node);
      return [row?.state, typeof row?.data === "string" ? row.data.length : 0];
    }));
    assert.deepEqual(data, [
      [["up", 0], ["up", 0]], [["up", 100], ["up", 0]], [["up", 100], ["up", 200]],
    ]);
    assert.deepEqual([0, 1, 2].map((i) => limited.gossip(i).stats().valuesTooLong), [2, 1, 0]);
    limited.gossip(2).push("z");
    limited.run(1);
    assert.deepEqual([0, 1, 2].map((i) => limited.gossip(i).row("10.0.0.3")?.data), ["z", "z", "z"]);
  });

  it("a long event ends no feed: nodes with less room go on behind it", () => {
    const limited = new LimitedNetwork(three);
    const author = limited.gossip(2);
    author.log("t", "a");
    limited.run(1);
    author.log("t", "b".repeat(90));
    author.log("t", "c");
    limited.run(1);
    author.log("t", "d".repeat(300));
    limited.run(1);
    author.log("t", "e");
    limited.run(2);
    const lengths = limited.values.map((values) => values.map((value) => String(value).length));
    assert.deepEqual(lengths, [[1, 1, 1], [1, 90, 1, 1], [1, 90, 1, 300, 1]]);
    assert.ok([0, 1].every((i) => limited.gossip(i).stats().drops.event > 0));
    const before = [0, 1, 2].map((i) => limited.gossip(i).stats().bytesSent);
    limited.run(30);
    const rounds = 180;
    [0, 1, 2].forEach((i) => {
      const bytes = (limited.gossip(i).stats().bytesSent - before[i]) / rounds;
      // A SYN and an ACK of each round, with FEEDS-HASH and some keepalives.
      assert.ok(bytes < 80, `node ${i}: ${bytes} bytes a round at rest`);
    });
    assert.deepEqual(limited.gossip(0).frontier(), author.frontier());
  });

  it("new and old events before a long one in one batch reach the application", () => {
    const limited = new LimitedNetwork([{ event: 64 }, { event: 512 }]);
    for (const length of [1, 2, 100, 3, 100, 4]) limited.gossip(1).log("t", "x".repeat(length));
    limited.run(5);
    assert.deepEqual(limited.values[0].map((value) => String(value).length), [1, 2, 3, 4]);
    assert.deepEqual(limited.gossip(0).frontier(), limited.gossip(1).frontier());
  });

  it("a node that passed over a long value sends no snapshot: others keep and get the value", () => {
    const limited = new LimitedNetwork([{ event: 64 }, { event: 512 }, { event: 512 }]);
    const [small, author, other] = [0, 1, 2].map((i) => limited.gossip(i));
    author.set("v", "long", "x".repeat(200));
    for (let i = 0; i < 5; i++) author.set("v", "short", i);
    limited.run(3);
    const held = (gossip: Gossip): string[] => {
      return gossip.events().filter(({ kind, topic }) => kind === "set" && topic === "v").map(({ key }) => key!).sort();
    };
    assert.ok(held(small).includes("short") && !held(small).includes("long"), "small");
    // Node 3 begins anew, with only the small node as a live peer at first.
    const [, authorNode, otherNode] = limited.network.nodes;
    assert.ok(held(other).includes("long"));
    authorNode.crash();
    otherNode.restart({ keepStorage: false });
    limited.run(10);
    assert.deepEqual(held(otherNode.gossip!), [], "nobody has a whole snapshot");
    authorNode.restart({ keepStorage: true });
    limited.run(10);
    assert.ok(held(otherNode.gossip!).includes("long"), "after both were there again");
    assert.ok(held(authorNode.gossip!).includes("long"), "the author has its own event");
  });

  it("a node without feeds is named once this node publishes, and no sooner", () => {
    const limited = new LimitedNetwork([{}, { event: 128 }]);
    assert.deepEqual(limited.errors, [[], []]);
    limited.gossip(1).log("t", 1);
    limited.run(10);
    assert.deepEqual([limited.told(0), limited.told(1)], [
      [], ["limits: 10.0.0.1 keeps no event feeds, this node does"],
    ]);
  });
});

describe("the default limits", () => {
  const voucher = {
    code: "GUEST-7F3K-92QX", plan: "3 days", hours: 72, rate_kbit: 8192, price: 4.5, seller: "kiosk-north",
    note: "room 12", issued: 1767225600, macs: ["24:0a:c4:12:9f:e1", "5c:cf:7f:81:0b:3d"],
  };

  it("a voucher with two MAC addresses and a chat line of 140 characters fit, as on an ESP32", () => {
    assert.ok(JSON.stringify(voucher).length >= 180);
    const lines = ["ß".repeat(140), "漢".repeat(140), "a".repeat(140)];
    // The options of boards/main.ts, with events.
    const network = new SimNetwork({ seed: 3 });
    for (let i = 0; i < 2; i++) {
      network.addNode({
        physicalStartMs: 1.8e12,
        start: (platform, storage) => {
          const gossip = new Gossip({
            ...platform, storage, seedList: ["10.0.0.1"], capacity: 64, datagramBytesMax: 1200, events: eventFeeds(),
          });
          gossip.start();
          return gossip;
        },
      });
    }
    network.runFor(5 * MINUTE_MS);
    const [first, second] = network.nodes.map(({ gossip }) => gossip!);
    first.set("voucher", "GUEST-7F3K-92QX", voucher);
    for (const line of lines) first.log("chat", line);
    network.runFor(2 * MINUTE_MS);
    const values = second.events().map(({ value }) => value);
    assert.deepEqual(values, [voucher, ...lines]);
    const bytes = encodeCbor(voucher, new Uint8Array(512), 0);
    assert.ok(bytes < 200, `${bytes} bytes of CBOR`);
  });
});
