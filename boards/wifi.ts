import WiFi from "embedded:network/interface/wifi";
import config from "mc/config";
import Timer from "timer";

/** Time limit of an attempt to join, and the time between two attempts. */
const ATTEMPT_MS = 15000;

/** States of ECMA-419's `connection`. Below the first there is no connection; from the second on, an address. */
const ASSOCIATING = 300;
const CONNECTED = 500;

/**
 * Joins the Wi-Fi network `ssid`, and joins it again after each loss.
 *
 * @param onJoined called each time the board gets an address, which may have changed
 * @param onLost called when the board has no address any more
 */
export function joinNetwork(onJoined: () => void, onLost: () => void): void {
  if (config.ssid === undefined) {
    trace('Wi-Fi: no network is given; build with ssid="…" password="…"\n');
    return;
  }
  const network = { SSID: String(config.ssid), password: String(config.password ?? "") };
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
      if (wifi.connection < ASSOCIATING) wifi.connect(network);
      else wifi.disconnect();
    } catch (error) {
      trace(`Wi-Fi: ${(error as Error).message}\n`);
    }
  };

  const wifi = new WiFi({ onChanged: look });
  attempt();
  Timer.repeat(attempt, ATTEMPT_MS);
}
