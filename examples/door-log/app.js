import { Gossip } from "chisme";
import { eventFeeds } from "chisme/events";

/**
 * A node that shows what happened at all doors, also while it was switched off.
 *
 * @param {import("chisme").GossipOptions} options platform, digest, storage, name, seeds
 * @param {(text: string) => void} print called with each event, once
 */
export function startDoorLog(options, print) {
  const gossip = new Gossip({
    ...options,
    events: eventFeeds({
      // All events together take 4 KB of RAM, about 90 of them. Then the oldest go.
      bytes: 4096,
      onEvent: ({ topic, value, author, authorName, timeMs }) => {
        if (topic === "door") print(`${clockTime(timeMs)} ${authorName ?? author}: ${value}`);
      },
    }),
  });
  gossip.start();
  return gossip;
}

/**
 * Tells all nodes that the door of this one was opened or closed.
 *
 * @param {Gossip} gossip
 * @param {boolean} isOpen
 */
export function logDoor(gossip, isOpen) {
  gossip.log("door", isOpen ? "open" : "closed");
}

/** @param {number} timeMs */
function clockTime(timeMs) {
  return new Date(timeMs).toISOString().slice(11, 19);
}
