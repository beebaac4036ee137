// node examples/clock/desktop.js NAME PORT SEED…
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { startClock } from "./app.js";

const [name = "clock", port = "5000", ...seedList] = process.argv.slice(2);
const options = { ...nodePlatform(), storage: new FileStorage(`state-${name}`), name, port: Number(port), seedList };
const { gossip, tick } = startClock(options, true, -new Date().getTimezoneOffset(), (text) => {
  process.stdout.write(process.stdout.isTTY ? `\r${text}` : `${text}\n`);
});
const timer = setInterval(tick, 1000);
process.once("SIGINT", () => {
  clearInterval(timer);
  gossip.close();
});
