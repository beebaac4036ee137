// node examples/alarm/desktop.js NAME PORT SEED…
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { startAlarm } from "./app.js";

const [name = "alarm", port = "5000", ...seedList] = process.argv.slice(2);
const storage = new FileStorage(`state-${name}`);
const options = { ...nodePlatform(), storage, name, port: Number(port), seedList };
// "\x07" is the bell of the terminal.
const ring = (/** @type {string} */ node) => console.log(`\x07${node} is down`);
const gossip = startAlarm(options, ring, () => console.log("all is well again"));
process.once("SIGINT", () => gossip.close());
