import { Gossip } from "chisme";
import { eventFeeds } from "chisme/events";
import { topicMerge } from "chisme/topic-merge";

const TOPIC = "+hosts";
const LEASE_MS = 2 * 3600 * 1000;
const CAPACITY = 512;
/** What others share goes into a file that another program reads. */
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;
const LIVE = ["up", "asleep", "probed", "suspect"];

/** A router that writes the names of all hosts to which any router gave an address. */
export class HostTable {
  /**
   * @param {import("chisme").GossipOptions} options platform, storage, the name of the router, seeds
   * @param {(text: string) => void} write writes the file and has the DNS server read it: called when the text changes
   */
  constructor(options, write) {
    this.write = write;
    this.written = "";
    const changed = () => this.changed();
    this.hosts = topicMerge({
      topic: TOPIC,
      // A host that moved to another router has two leases for a while: the later one counts.
      merge: (contributions) => contributions[contributions.length - 1].value,
      capacity: CAPACITY,
      onChange: changed,
    });
    this.gossip = new Gossip({
      ...options,
      events: eventFeeds({ bytes: 65536, views: [this.hosts] }),
      // The routers' own names and addresses are in their rows.
      onState: changed,
      onUpdate: changed,
    });
    this.gossip.start();
    this.changed();
  }

  /**
   * A host got an address from this router, or keeps it: to be called at each renewal.
   *
   * @param {string} host
   * @param {string} address
   */
  lease(host, address) {
    this.gossip.set(TOPIC, host, address, { ttlMs: LEASE_MS });
  }

  /**
   * A host gave its address back to this router.
   *
   * @param {string} host
   */
  release(host) {
    this.gossip.withdraw(TOPIC, host);
  }

  changed() {
    /** @type {Map<string, string>} */
    const addresses = new Map();
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

/**
 * @param {Map<string, string>} addresses
 * @param {string} name
 * @param {unknown} address
 */
function add(addresses, name, address) {
  if (HOST_NAME.test(name) && typeof address === "string" && ADDRESS.test(address)) addresses.set(name, address);
}
