// node examples/battery-sensor/desktop.js NAME PORT SEED…
import { loadavg } from "node:os";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { startBatterySensor } from "./app.js";

const SECONDS = 30;

const [name = "battery", port = "5000", ...seedList] = process.argv.slice(2);
const options = { ...nodePlatform(), storage: new FileStorage(`state-${name}`), name, port: Number(port), seedList };
const load = () => Math.round(loadavg()[0] * 100) / 100;
// A computer keeps its RAM and its network: it only says nothing for a while.
const gossip = startBatterySensor(options, {}, SECONDS, load, (_kept, seconds, waken) => {
  console.log(`asleep for ${seconds} s`);
  setTimeout(waken, seconds * 1000).unref();
});
process.once("SIGINT", () => gossip.close());
