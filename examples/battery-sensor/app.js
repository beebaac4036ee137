import { Gossip } from "chisme";
import { sleeping } from "chisme/sleep";

/** A node says that it is back a bit later than planned: clocks of sleeping boards are not exact. */
const MARGIN_SECONDS = 10;
/** When nobody heard the node, it tries again so soon. */
const RETRY_SECONDS = 30;

/**
 * A node that shares a value, sleeps, and so on.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {{ kept?: Uint8Array, keptBytesMax?: number }} memory what `rest` got before a deep sleep, in which RAM is
 * lost, and how much it can keep
 * @param {number} seconds how long it sleeps between two readings
 * @param {() => import("chisme").CborValue} read
 * @param {(kept: Uint8Array, seconds: number, waken: () => void) => void} rest switches the radio off and sleeps. If
 * RAM stays it calls `waken` after that; else it keeps the bytes, and the board starts anew
 */
export function startBatterySensor(options, memory, seconds, read, rest) {
  const gossip = new Gossip({ ...options, sleep: sleeping(memory) });
  const waken = () => {
    gossip.push(read());
    gossip.sleep(seconds + MARGIN_SECONDS, (keep, wasHeard) => rest(keep, wasHeard ? seconds : RETRY_SECONDS, waken));
  };
  gossip.start();
  waken();
  return gossip;
}
