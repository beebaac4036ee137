import { moddablePlatform } from "chisme/platform/moddable";
import { PreferenceStorage } from "chisme/platform/moddable-storage";
import config from "mc/config";
import { joinNetwork } from "network";
import Preference from "preference";

/**
 * Joins the network of the board, and starts an application when it has an address.
 *
 * @param {(options: import("chisme").GossipOptions) => import("chisme").Gossip} start called once, with the platform's
 * part of the options and those of the configuration
 */
export function whenJoined(start) {
  const platform = moddablePlatform();
  /** @type {import("chisme").Gossip | undefined} */
  let gossip;
  const joined = () => {
    if (gossip === undefined) {
      gossip = start(optionsOf(platform));
      trace(`node ${gossip.id}, port ${config.port}\n`);
    } else {
      platform.socket.reopen();
      // A new statement tells the other nodes the new address.
      gossip.push(gossip.row(gossip.id)?.data);
    }
  };
  joinNetwork(joined, () => undefined);
}

/**
 * @param {ReturnType<typeof moddablePlatform>} platform
 * @returns {import("chisme").GossipOptions}
 */
function optionsOf(platform) {
  const port = Number(config.port);
  const seeds = String(config.seeds);
  return {
    ...platform,
    storage: new PreferenceStorage(Preference, `chisme-${port}`),
    port,
    ...config.name === undefined ? {} : { name: String(config.name) },
    seedList: seeds === "" ? [] : seeds.split(","),
    capacity: Number(config.capacity),
    datagramBytesMax: Number(config.datagram),
    onError: (code, error) => trace(`${code}: ${error.message}\n`),
  };
}
