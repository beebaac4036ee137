import { Gossip } from "chisme";
import { jsonText } from "chisme/json";
import { readingsText } from "chisme/units";

/**
 * A node that shows all nodes: names, states and values. It shares nothing itself.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {(lines: string[]) => void} show called with a line for each other node, when one of them has changed
 */
export function startDisplay(options, show) {
  let shown = "";
  const update = () => {
    const lines = gossip.rows().filter(({ id }) => id !== gossip.id).map(lineOf).sort();
    const text = lines.join("\n");
    if (text === shown) return;
    shown = text;
    show(lines);
  };
  const gossip = new Gossip({ ...options, onUpdate: update, onState: update, onForget: update });
  gossip.start();
  return gossip;
}

/** @param {import("chisme").NodeRow} row */
function lineOf({ name, address, state, data }) {
  // A node that is being probed is up as far as anybody knows, and nothing tells when the probe is over.
  const shown = state === "probed" ? "up" : state;
  return `${name ?? address} ${shown}${data === undefined ? "" : ` ${readingsText(data) ?? jsonText(data)}`}`;
}
