import Ethernet from "embedded:network/interface/ethernet";

/** State of ECMA-419's `connection` from which on there is an address. */
const CONNECTED = 500;

/**
 * Uses the board's Ethernet, which connects by itself whenever the cable is in.
 *
 * @param onJoined called each time the board gets an address, which may have changed
 * @param onLost called when the board has no address any more
 */
export function joinNetwork(onJoined: () => void, onLost: () => void): void {
  let address: string | undefined;
  const look = () => {
    const found = ethernet.connection >= CONNECTED ? ethernet.address : undefined;
    if (found === address) return;
    address = found;
    trace(found === undefined ? "Ethernet lost\n" : `Ethernet joined, address ${found}\n`);
    if (found !== undefined) onJoined();
    else onLost();
  };
  const ethernet = new Ethernet({ onChanged: look });
  look();
}
