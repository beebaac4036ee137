/**
 * A node with UDP and a serial line, which brings the node at the other end of the line into the network. It prints who
 * joins by which of the two.
 *
 * @param {new (options: any) => import("chisme").Gossip} Gossip that of chisme-cli/node, which has the option `serial`,
 * or that of chisme
 * @param {Record<string, unknown>} options platform with the line, storage, name, seeds
 * @param {(text: string) => void} print called with a line for each change of a state
 */
export function startGateway(Gossip, options, print) {
  const gossip = new Gossip({
    ...options,
    /** @param {import("chisme").NodeRow} row */
    onState: ({ id, name, address, state }) => {
      if (id !== gossip.id) print(`${name ?? id} ${isOnMedium(address) ? "on the line" : `at ${address}`} is ${state}`);
    },
  });
  gossip.start();
  return gossip;
}

/**
 * Nodes without UDP have addresses from 241.0.0.0 on.
 *
 * @param {string} address
 */
function isOnMedium(address) {
  return Number(address.split(".")[0]) > 240;
}
