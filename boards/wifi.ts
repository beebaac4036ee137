import WiFi from "embedded:network/interface/wifi";
import config from "mc/config";
import Timer from "timer";

/** Time limit of an attempt to join, and the time between two attempts. */
const ATTEMPT_MS = 15000;

/** States of ECMA-419's `connection`. Below the first there is no connection; from the second on, an address. */
const ASSOCIATING = 300;
const CONNECTED = 500;

/** What the SDK's class needs to join. */
export interface WifiNetwork {
  SSID: string;
  password: string;
}

/**
 * Joins a Wi-Fi network, and joins again after each loss.
 *
 * @param onJoined called each time the board gets an address, which may have changed
 * @param onLost called when the board has no address any more
 * @param choose the network of the next attempt; by default the `ssid` that was built in
 * @returns a function that leaves the network, so that the next attempt may choose another one
 */
export function joinNetwork(
  onJoined: () => void, onLost: () => void, choose?: () => WifiNetwork | undefined,
): () => void {
  const builtIn = builtInNetwork();
  if (choose === undefined && builtIn === undefined) {
    trace('Wi-Fi: no network is given; build with ssid="…" password="…"\n');
    return () => undefined;
  }
  let address: string | undefined;

  const look = () => {
    const found = wifi.connection >= CONNECTED ? wifi.address : undefined;
    if (found === address) return;
    address = found;
    trace(found === undefined ? "Wi-Fi lost\n" : `Wi-Fi joined, address ${found}\n`);
    if (found !== undefined) onJoined();
    else onLost();
  };
  const attempt = () => {
    look();
    if (address !== undefined) return;
    try {
      if (wifi.connection >= ASSOCIATING) return wifi.disconnect();
      const network = choose === undefined ? builtIn : choose();
      if (network !== undefined) wifi.connect(network);
    } catch (error) {
      trace(`Wi-Fi: ${(error as Error).message}\n`);
    }
  };

  const wifi = new WiFi({ onChanged: look });
  attempt();
  Timer.repeat(attempt, ATTEMPT_MS);
  return () => wifi.disconnect();
}

/** The network `ssid` of the build; undefined if it has none. */
export function builtInNetwork(): WifiNetwork | undefined {
  if (config.ssid === undefined) return undefined;
  return { SSID: String(config.ssid), password: String(config.password ?? "") };
}
