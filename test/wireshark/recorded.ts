import { SimNetwork, SimSleeper } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip, type GossipOptions } from "../../src/gossip.js";
import { linkTable } from "../../src/links/index.js";
import { messages } from "../../src/messages/index.js";
import { networkTime } from "../../src/time/index.js";
import type { Captured } from "./capture.js";

/** 2026-01-01. */
const START_MS = 1767225600000;
const SEED = 20;

/**
 * All datagrams of a network of four nodes with names, versions, values, events, messages, links and the time, and of
 * one that sleeps.
 */
export function recordedRun(options: Partial<GossipOptions> = {}): Captured[] {
  const network = new SimNetwork({ seed: SEED });
  const recorded: Captured[] = [];
  network.tap = (entry) => {
    if (entry.kind !== "sent") return;
    recorded.push({
      bytes: entry.bytes.slice(0, entry.length), from: entry.node.address, to: entry.address,
      fromPort: entry.node.port, toPort: entry.port, atMs: START_MS + network.nowMs,
    });
  };
  const common = { valueBytesMax: 64, seedList: ["10.0.0.1"], roundIntervalMs: 1000, ...options };
  for (let i = 0; i < 4; i++) {
    network.addNode({
      id: 1000 + i, physicalStartMs: START_MS,
      start: (platform, storage) => {
        const gossip = new Gossip({
          ...platform, storage, ...common, name: `room ${i}`, version: `1.${i}`, events: eventFeeds(),
          messages: messages({ onMessage: () => true }), links: linkTable(),
          time: networkTime({ clock: i === 0 }),
        });
        gossip.start();
        return gossip;
      },
    });
  }
  const sleeper = new SimSleeper({
    sleepSeconds: 60, firstSleepMs: 20000, options: { ...common, name: "garden" },
    makeOptions: () => ({ events: eventFeeds() }),
  });
  network.addNode({ id: 2000, start: sleeper.start });
  network.runFor(10000);
  const [hall, attic] = network.nodes.map(({ gossip }) => gossip as Gossip);
  for (let i = 0; i < 20; i++) hall.log("door", { open: i % 2 === 0 });
  attic.set("lamp", "attic", "on");
  attic.set("code", "", 7, { ttlMs: 5000 });
  hall.push({ temp: 21.5, list: [1, -2, "ä\"", null] });
  network.runFor(10000);
  attic.remove("lamp", "attic");
  hall.send(1002, "light", { on: true });
  hall.broadcast("news", "dinner");
  hall.query("who", "is there");
  hall.ping(1003);
  network.runFor(130000);
  attic.close();
  network.runFor(5000);
  return recorded;
}
