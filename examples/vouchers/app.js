import { Gossip } from "chisme";
import { eventFeeds } from "chisme/events";
import { topicMerge } from "chisme/topic-merge";

const TOPIC = "+voucher";
const MINUTE_MS = 60000;
/** Contributions that a node holds: two for each voucher are enough, but for those that were used twice. */
const CAPACITY = 512;

/**
 * What one node says of a voucher: that it is there, or that it let a device in with it.
 *
 * @typedef {{ minutes: number, device?: string }} Said
 */

/**
 * A voucher, as all nodes see it: how long it lets its device in, the device, which is missing while the voucher is not
 * used, and when that came, in milliseconds since 1970.
 *
 * @typedef {{ minutes: number, device?: string, sinceMs?: number }} Voucher
 */

/**
 * Of the devices that came with a voucher, in two halves of a split network for instance, the first one counts.
 *
 * @param {import("chisme/topic-merge").Contribution<Said>[]} contributions the oldest first
 * @returns {Voucher}
 */
export function mergeVoucher(contributions) {
  const use = contributions.find(({ value }) => value.device !== undefined);
  const { minutes } = (use ?? contributions[0]).value;
  return use?.value.device === undefined ? { minutes } : { minutes, device: use.value.device, sinceMs: use.timeMs };
}

/** A list of vouchers for guests of a network, which any node makes and any node lets a guest in with. */
export class Vouchers {
  /**
   * @param {import("chisme").GossipOptions} options platform, digest, storage, name, seeds
   * @param {number} lifetimeMs how long an unused voucher counts
   * @param {(device: string) => void} onEnd called when a device has to leave: its voucher is over, or was another
   * device's first
   */
  constructor(options, lifetimeMs, onEnd) {
    this.lifetimeMs = lifetimeMs;
    /**
     * The devices that this node let in, by voucher.
     *
     * @type {Map<string, string>}
     */
    this.guests = new Map();
    this.list = topicMerge({
      topic: TOPIC,
      merge: mergeVoucher,
      capacity: CAPACITY,
      onChange: (code, voucher) => {
        const guest = this.guests.get(code);
        if (guest === undefined || voucher?.device === guest) return;
        this.guests.delete(code);
        onEnd(guest);
      },
    });
    this.gossip = new Gossip({ ...options, events: eventFeeds({ bytes: 65536, views: [this.list] }) });
    this.gossip.start();
  }

  /**
   * Makes a voucher.
   *
   * @param {string} code 1 to 31 bytes, which nobody can guess
   * @param {number} minutes
   */
  make(code, minutes) {
    this.gossip.set(TOPIC, code, { minutes }, { ttlMs: this.lifetimeMs });
  }

  /**
   * A device comes with a voucher.
   *
   * @param {string} code
   * @param {string} device
   * @param {number} nowMs milliseconds since 1970
   * @returns whether it may stay
   */
  use(code, device, nowMs) {
    const voucher = this.list.get(code);
    if (voucher === undefined) return false;
    const { minutes, sinceMs } = voucher;
    if (sinceMs !== undefined) return voucher.device === device && nowMs < sinceMs + minutes * MINUTE_MS;
    this.guests.set(code, device);
    // It counts for as long as an unused voucher of now would: no node may find the voucher unused again.
    this.gossip.set(TOPIC, code, { minutes, device }, { ttlMs: this.lifetimeMs });
    return true;
  }

  /**
   * Takes a voucher back, whoever made it.
   *
   * @param {string} code
   */
  cancel(code) {
    this.gossip.remove(TOPIC, code);
  }

  /** All vouchers, by their codes. */
  entries() {
    return this.list.entries();
  }
}
