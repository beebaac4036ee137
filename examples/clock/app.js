import { Gossip } from "chisme";
import { networkTime } from "chisme/time";

const MINUTE_MS = 60000;

/**
 * A clock that shows the time of the network, though it has none of its own and no Internet: one node that knows the
 * time is enough. A clock that has it is such a node.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {boolean} hasTime whether the platform's clock is right, as that of a computer
 * @param {number} utcOffsetMinutes of the local time: 60 for Central European Time
 * @param {(text: string) => void} show called by each `tick`
 * @returns the node, its time, and `tick`, which is called each second
 */
export function startClock(options, hasTime, utcOffsetMinutes, show) {
  const time = networkTime({ clock: hasTime });
  const gossip = new Gossip({ ...options, time });
  gossip.start();
  const tick = () => {
    const nowMs = time.now();
    if (nowMs === undefined) show("--:--:--");
    else show(new Date(nowMs + utcOffsetMinutes * MINUTE_MS).toISOString().slice(11, 19));
  };
  return { gossip, time, tick };
}
