import WiFi from "embedded:network/interface/wifi";
import Timer from "timer";

/** What the SDK's class needs to join. */
export interface WifiNetwork {
  SSID: string;
  password: string;
}

/** Time limit of an attempt to join, and the time between two attempts. */
const ATTEMPT_MS = 15000;

/** States of ECMA-419's `connection`. Below the first there is no connection; from the second on, an address. */
const ASSOCIATING = 300;
const CONNECTED = 500;

/**
 * Joins one of several Wi-Fi networks, and joins again after each loss.
 *
 * @param choose the network of the next attempt; undefined if there is none
 * @param onJoined called each time the board gets an address, which may have changed
 * @param onLost called when the board has no address any more
 * @returns a function that leaves the network, so that the next attempt may choose another one
 */
export function joinOneOf(
  choose: () => WifiNetwork | undefined, onJoined: () => void, onLost: () => void,
): () => void {
  let address: string | undefined;
  const look = (): void => {
    const found = wifi.connection >= CONNECTED ? wifi.address : undefined;
    if (found === address) return;
    address = found;
    trace(found === undefined ? "Wi-Fi lost\n" : `Wi-Fi joined, address ${found}\n`);
    if (found !== undefined) onJoined();
    else onLost();
  };
  const attempt = (): void => {
    look();
    if (address !== undefined) return;
    try {
      if (wifi.connection >= ASSOCIATING) return wifi.disconnect();
      const network = choose();
      if (network !== undefined) wifi.connect(network);
    } catch (error) {
      trace(`Wi-Fi: ${(error as Error).message}\n`);
    }
  };
  const wifi = new WiFi({ onChanged: look });
  attempt();
  Timer.repeat(attempt, ATTEMPT_MS);
  return () => {
    wifi.disconnect();
    // The SDK does not tell of a loss that the program causes.
    look();
  };
}
