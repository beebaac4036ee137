/*
 * A list of vouchers for guests of a network, as LibreMesh's pirania has one. Any
 * node makes vouchers, any node lets a guest in with one, and each voucher is good
 * for one device. It ends by itself. docs/CHANNELS.md explains it.
 *
 *   node --import tsx desktop/simulator/examples/vouchers.ts [seed]
 */
import { pathToFileURL } from "node:url";
import { eventFeeds } from "../../../src/events/index.js";
import { Gossip, type GossipStorage, type Platform } from "../../../src/gossip.js";
import { type Contribution, type TopicMerge, topicMerge } from "../../../src/views/topic-merge.js";
import { type SimNode, SimNetwork, split } from "../index.js";

const TOPIC = "+voucher";
const MINUTE_MS = 60000;
const HOUR_MS = 60 * MINUTE_MS;
/** Contributions that a node holds: two for each voucher are enough, but for those that were used twice. */
const CAPACITY = 512;

/** What one node says of a voucher: that it is there, or that it let a device in with it. */
export type Said = { minutes: number; device?: string };

/** A voucher, as all nodes see it. */
export interface Voucher {
  /** How long it lets its device in. */
  minutes: number;
  /** The device that it is for; missing while it is not used. */
  device?: string;
  /** When that device came, in milliseconds since 1970. */
  sinceMs?: number;
}

/** Of the devices that came with a voucher, in two halves of a split network for instance, the first one counts. */
export function mergeVoucher(contributions: Contribution<Said>[]): Voucher {
  // The oldest comes first.
  const use = contributions.find(({ value }) => value.device !== undefined);
  const { minutes } = (use ?? contributions[0]).value;
  return use?.value.device === undefined ? { minutes } : { minutes, device: use.value.device, sinceMs: use.timeMs };
}

/** The application. On a router, `platform` is that of Node.js, and `onEnd` ends the guest's session. */
export class Vouchers {
  readonly gossip: Gossip;
  private readonly list: TopicMerge<Voucher, Said>;
  /** The devices that this node let in, by voucher. */
  private readonly guests = new Map<string, string>();
  private readonly lifetimeMs: number;

  /**
   * @param lifetimeMs how long an unused voucher counts
   * @param onEnd called when a device has to leave: its voucher is over, or was another device's first
   */
  constructor(platform: Platform, storage: GossipStorage, lifetimeMs: number, onEnd: (device: string) => void) {
    this.lifetimeMs = lifetimeMs;
    this.list = topicMerge({
      topic: TOPIC, merge: mergeVoucher, capacity: CAPACITY,
      onChange: (code, voucher) => {
        const guest = this.guests.get(code);
        if (guest === undefined || voucher?.device === guest) return;
        this.guests.delete(code);
        onEnd(guest);
      },
    });
    const events = eventFeeds({ bytes: 65536, views: [this.list] });
    this.gossip = new Gossip({ ...platform, storage, seedList: ["10.0.0.1"], events });
    this.gossip.start();
  }

  /** Makes a voucher. @param code 1 to 31 bytes, which nobody can guess */
  make(code: string, minutes: number): void {
    this.gossip.set(TOPIC, code, { minutes }, { ttlMs: this.lifetimeMs });
  }

  /** A device comes with a voucher. Returns whether it may stay. */
  use(code: string, device: string, nowMs: number): boolean {
    const voucher = this.list.get(code);
    if (voucher === undefined) return false;
    const { minutes, sinceMs } = voucher;
    if (sinceMs !== undefined) return voucher.device === device && nowMs < sinceMs + minutes * MINUTE_MS;
    this.guests.set(code, device);
    // It counts for as long as an unused voucher of now would: no node may find the voucher unused again.
    this.gossip.set(TOPIC, code, { minutes, device }, { ttlMs: this.lifetimeMs });
    return true;
  }

  /** Takes a voucher back, whoever made it. */
  cancel(code: string): void {
    this.gossip.remove(TOPIC, code);
  }

  /** All vouchers, by their codes. */
  entries(): { key: string; value: Voucher }[] {
    return this.list.entries();
  }
}

/** What a run showed. */
export interface VoucherRun {
  /** Vouchers in the list of each node, after all were made. */
  made: number[];
  /** Whether both halves of the split network let a guest in with one voucher. */
  twice: [boolean, boolean];
  /** The devices that had to leave when the halves met again. */
  ended: string[];
  /** Lists of the nodes after that, without those that are equal to another one. */
  lists: { key: string; value: Voucher }[][];
  /** Vouchers in the list of each node when their time is over. */
  left: number[];
}

/** Simulates half a day in a network of six nodes that splits. */
export function simulateVouchers(seed: number): VoucherRun {
  const network = new SimNetwork({ seed, faults: { lossProbability: 0.1 } });
  const portals = new Map<SimNode, Vouchers>();
  const ended: string[] = [];
  for (let i = 0; i < 6; i++) {
    network.addNode({
      physicalStartMs: Date.UTC(2026, 5, 1),
      start: (platform, storage, node) => {
        const portal = new Vouchers(platform, storage, 12 * HOUR_MS, (device) => ended.push(device));
        portals.set(node, portal);
        return portal.gossip;
      },
    });
  }
  const at = <Result>(index: number, act: (portal: Vouchers, nowMs: number) => Result): Result => {
    const node = network.nodes[index];
    const portal = portals.get(node);
    if (portal === undefined) throw new Error(`${node.name} does not run`);
    return node.run(() => act(portal, node.physicalMs() ?? 0));
  };
  const lists = (): { key: string; value: Voucher }[][] => network.nodes.map((_, i) => at(i, (p) => p.entries()));

  network.runFor(5 * MINUTE_MS);
  for (let code = 0; code < 30; code++) at(code % 6, (portal) => portal.make(`code-${code}`, 60));
  network.runFor(5 * MINUTE_MS);
  const made = lists().map(({ length }) => length);

  network.faults.cuts = [split(network.nodes.slice(0, 3), network.nodes.slice(3))];
  network.runFor(MINUTE_MS);
  const first = at(1, (portal, nowMs) => portal.use("code-7", "first device", nowMs));
  network.runFor(MINUTE_MS);
  const second = at(4, (portal, nowMs) => portal.use("code-7", "second device", nowMs));
  at(0, (portal, nowMs) => portal.use("code-8", "a phone", nowMs));
  at(5, (portal, nowMs) => portal.use("code-9", "a laptop", nowMs));
  at(3, (portal) => portal.cancel("code-10"));
  network.runFor(10 * MINUTE_MS);
  network.faults.cuts = [];
  network.runFor(30 * MINUTE_MS);
  const after = lists();
  const different = after.filter((list, i) => after.findIndex((other) => isEqual(list, other)) === i);
  const endedAfterSplit = [...ended];

  network.runFor(13 * HOUR_MS);
  const left = lists().map(({ length }) => length);
  return { made, twice: [first, second], ended: endedAfterSplit, lists: different, left };
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const seed = Number(process.argv[2] ?? 1);
  const { made, ended, lists, left } = simulateVouchers(seed);
  console.log(`seed ${seed}: all nodes have ${Math.min(...made)} vouchers`);
  const leaving = `"${ended.join(", ")}" has to leave`;
  console.log(`two devices came with one voucher while the network was split; when it is one again, ${leaving}`);
  console.log(`${lists.length === 1 ? "all nodes have the same list" : "the nodes do not agree"}; `
    + `${Math.max(...left)} vouchers are left when their time is over`);
}
