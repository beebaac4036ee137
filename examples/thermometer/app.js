import { Gossip, minMax } from "chisme";

const GONE = ["down", "left", "removed"];

/**
 * A node that knows the coldest and the warmest place. Its own temperature is in what it pushes: { temp: 21.5 }.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {(text: string) => void} print called when the coldest or the warmest place changes
 */
export function startThermometer(options, print) {
  const temperatures = minMax({
    field: "temp",
    onChange: (minimum, maximum) => {
      if (minimum === undefined) print("nobody measures");
      else print(`coldest: ${place(minimum)} ${minimum} °C, warmest: ${place(maximum)} ${maximum} °C`);
    },
  });
  const gossip = new Gossip({ ...options, views: [temperatures] });
  gossip.start();
  return gossip;

  /** @param {number | undefined} temperature */
  function place(temperature) {
    const row = gossip.rows().find(({ data, state }) => {
      const measured = /** @type {{ temp?: number } | undefined} */ (data);
      return measured?.temp === temperature && !GONE.includes(state);
    });
    return row?.name ?? row?.address;
  }
}
