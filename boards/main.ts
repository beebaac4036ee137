import { Gossip, type GossipOptions, minMax } from "chisme/gossip";
import { moddablePlatform } from "chisme/platform/moddable";
import { PreferenceStorage } from "chisme/platform/moddable-storage";
import { type ReadingMap, readings } from "chisme/sensors/index";
import config from "mc/config";
import { joinNetwork } from "network";
import Preference from "preference";
import { sensors } from "sensor";
import { showStatus } from "status-led";
import Timer from "timer";
import { serve } from "web";

const READING_MS = 30000;
/** What changes less is not shared. */
const THRESHOLDS = { temp: 0.25, hum: 2, pres: 50 };

let rejoin: (() => void) | undefined;

// The sensor node: shares its readings, and knows the minimum and the maximum of the whole network.
showStatus("offline");
joinNetwork(() => {
  if (rejoin === undefined) rejoin = startNode();
  else rejoin();
}, () => showStatus("offline"));

/** Starts the node. The network must be connected. Returns a function to call after each reconnection. */
function startNode(): () => void {
  const { socket, clock, randomSeed } = moddablePlatform();
  const port = Number(config.port);
  const seeds = String(config.seeds);
  const temperatures = minMax({
    field: "temp",
    onChange: (minimum, maximum) => trace(`minimum ${minimum} maximum ${maximum} of ${temperatures.count} nodes\n`),
  });
  const options: GossipOptions = {
    socket,
    clock,
    randomSeed,
    storage: new PreferenceStorage(Preference, `chisme-${port}`),
    port,
    seedList: seeds === "" ? [] : seeds.split(","),
    roundIntervalMs: Number(config.interval),
    capacity: Number(config.capacity),
    datagramBytesMax: Number(config.datagram),
    views: [temperatures],
    onState: (row) => {
      trace(`${row.name ?? "node"} at ${row.address}:${row.port} is ${row.state}\n`);
      show();
    },
    onError: (code, error) => trace(`${code}: ${error.message}\n`),
  };
  if (config.id !== undefined) options.id = Number(config.id);
  if (config.name !== undefined) options.name = String(config.name);
  const node = new Gossip(options);

  const readout = readings({
    sensors: sensors(),
    thresholds: THRESHOLDS,
    onError: (error) => trace(`sensor: ${error === undefined ? "works again" : (error as Error).message}\n`),
  });
  let shared: ReadingMap | undefined;
  const share = (map: ReadingMap | undefined) => {
    try {
      node.push(map);
      shared = map;
    } catch (error) {
      // The readings and the name together are too long.
      trace(`${(error as Error).message}\n`);
    }
  };
  // Of the nodes that share a temperature one may be this one.
  const show = () => showStatus(temperatures.count > (shared?.temp === undefined ? 0 : 1) ? "joined" : "alone");
  node.start();
  trace(`node ${node.id}, revision ${node.revision}, port ${port}\n`);
  serve(node);
  readout.update(clock.nowMs(), share);
  show();
  Timer.repeat(() => {
    readout.update(clock.nowMs(), share);
    show();
  }, READING_MS);

  return () => {
    socket.reopen();
    // A new statement tells the other nodes the new address.
    share(shared);
    show();
  };
}
