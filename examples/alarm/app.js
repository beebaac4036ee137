import { Gossip } from "chisme";

/**
 * A node that rings when another one goes down: it answers nobody, and did not say goodbye.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {(name: string) => void} ring called once for each node that goes down
 * @param {() => void} silence called when no node is down any more: all are back, or were removed
 */
export function startAlarm(options, ring, silence) {
  /** @type {Set<number>} */
  const down = new Set();
  const gossip = new Gossip({
    ...options,
    onState: (row) => {
      if (row.state === "down") {
        if (down.has(row.id)) return;
        down.add(row.id);
        ring(row.name ?? row.address);
      } else if (down.delete(row.id) && down.size === 0) {
        silence();
      }
    },
  });
  gossip.start();
  return gossip;
}
