/*
 * A table of host names, as LibreMesh's shared-state-dnsmasq_hosts has one: each
 * router shares the names of the hosts that it gave addresses, and each writes the
 * names of all into a file for its DNS server. docs/CHANNELS.md explains it.
 *
 *   node --import tsx desktop/simulator/examples/hosts.ts [seed]
 */
import { pathToFileURL } from "node:url";
import { eventFeeds } from "../../../src/events/index.js";
import { Gossip, type GossipStorage, type Platform } from "../../../src/gossip.js";
import { type TopicMerge, topicMerge } from "../../../src/views/topic-merge.js";
import { type SimNode, SimNetwork, split } from "../index.js";

const TOPIC = "+hosts";
const MINUTE_MS = 60000;
const HOUR_MS = 60 * MINUTE_MS;
const LEASE_MS = 2 * HOUR_MS;
const CAPACITY = 512;
/** What others share goes into a file that another program reads. */
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;
const LIVE = ["up", "asleep", "probed", "suspect"];

/** The application of one router. */
export class HostTable {
  readonly gossip: Gossip;
  private readonly hosts: TopicMerge<string, string>;
  private readonly write: (text: string) => void;
  private written = "";

  /**
   * @param name of the router itself
   * @param write writes the file and has the DNS server read it: it is called when the text changes
   */
  constructor(platform: Platform, storage: GossipStorage, name: string, write: (text: string) => void) {
    this.write = write;
    // A host that moved to another router has two leases for a while: the later one counts.
    const merge = (contributions: { value: string }[]): string => contributions[contributions.length - 1].value;
    const changed = (): void => this.changed();
    this.hosts = topicMerge({ topic: TOPIC, merge, capacity: CAPACITY, onChange: changed });
    this.gossip = new Gossip({
      ...platform, storage, name, seedList: ["10.0.0.1"],
      events: eventFeeds({ bytes: 65536, views: [this.hosts] }),
      // The routers' own names and addresses are in their rows.
      onState: changed, onUpdate: changed,
    });
    this.gossip.start();
    this.changed();
  }

  /** A host got an address from this router, or keeps it: to be called at each renewal. */
  lease(host: string, address: string): void {
    this.gossip.set(TOPIC, host, address, { ttlMs: LEASE_MS });
  }

  /** A host gave its address back to this router. */
  release(host: string): void {
    this.gossip.withdraw(TOPIC, host);
  }

  private changed(): void {
    const addresses = new Map<string, string>();
    for (const { key, value } of this.hosts.entries()) add(addresses, key, value);
    for (const { name, address, state } of this.gossip.rows()) {
      if (name !== undefined && LIVE.includes(state)) add(addresses, name, address);
    }
    const text = [...addresses].sort().map(([name, address]) => `${address} ${name}\n`).join("");
    if (text === this.written) return;
    this.written = text;
    this.write(text);
  }
}

function add(addresses: Map<string, string>, name: string, address: unknown): void {
  if (HOST_NAME.test(name) && typeof address === "string" && ADDRESS.test(address)) addresses.set(name, address);
}

/** What a run showed: the file of each router at three times, without those that are equal to another one. */
export interface HostRun {
  together: string[];
  split: string[];
  healed: string[];
  /** How often each router wrote its file. */
  writes: number[];
}

/** Simulates five routers, between which a host moves while the network is split. */
export function simulateHosts(seed: number): HostRun {
  const network = new SimNetwork({ seed, faults: { lossProbability: 0.1 } });
  const tables = new Map<SimNode, HostTable>();
  const files = new Map<SimNode, string[]>();
  for (let i = 0; i < 5; i++) {
    network.addNode({
      physicalStartMs: Date.UTC(2026, 5, 1),
      start: (platform, storage, node) => {
        const written: string[] = [];
        files.set(node, written);
        const table = new HostTable(platform, storage, `router-${i}`, (text) => written.push(text));
        tables.set(node, table);
        return table.gossip;
      },
    });
  }
  const at = (index: number, act: (table: HostTable) => void): void => {
    const table = tables.get(network.nodes[index]);
    if (table !== undefined) network.nodes[index].run(() => act(table));
  };
  const shown = (): string[] => {
    return [...new Set(network.nodes.map((node) => files.get(node)?.at(-1) ?? ""))];
  };

  network.runFor(5 * MINUTE_MS);
  at(0, (table) => table.lease("printer", "10.1.0.20"));
  at(1, (table) => table.lease("laptop", "10.1.1.30"));
  at(4, (table) => table.lease("camera", "10.1.4.40"));
  // Nobody's file gets a name that is none.
  at(4, (table) => table.lease("x\n10.0.0.1 bank", "10.1.4.66"));
  network.runFor(10 * MINUTE_MS);
  const together = shown();

  network.faults.cuts = [split(network.nodes.slice(0, 2), network.nodes.slice(2))];
  network.runFor(30 * MINUTE_MS);
  at(3, (table) => table.lease("laptop", "10.1.3.31"));
  at(4, (table) => table.release("camera"));
  network.runFor(10 * MINUTE_MS);
  const whileSplit = shown();

  network.faults.cuts = [];
  network.runFor(30 * MINUTE_MS);
  const writes = network.nodes.map((node) => files.get(node)?.length ?? 0);
  return { together, split: whileSplit, healed: shown(), writes };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const seed = Number(process.argv[2] ?? 1);
  const { together, healed } = simulateHosts(seed);
  console.log(`seed ${seed}: the file of ${together.length === 1 ? "all routers" : "some routers"}\n${together[0]}`);
  console.log(`after a split, in which the laptop moved and the camera left: ${healed.length === 1 ? "all" : "some"}`);
  console.log(healed[0].trimEnd());
}
