import { Gossip, minMax } from "chisme";

const WARM_CELSIUS = 26;

/**
 * A fan that runs while the warmest room has more than 26 °C. Each room pushes its temperature.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {(isOn: boolean) => void} setFan sets the pin of the fan
 */
export function startFan(options, setFan) {
  const temperatures = minMax({
    onChange: (_minimum, maximum) => setFan(maximum !== undefined && maximum > WARM_CELSIUS),
  });
  const gossip = new Gossip({ ...options, views: [temperatures] });
  gossip.start();
  return gossip;
}
