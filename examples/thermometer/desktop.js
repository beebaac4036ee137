// node examples/thermometer/desktop.js NAME PORT SEED…
import { createInterface } from "node:readline";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { startThermometer } from "./app.js";

const [name = "desk", port = "5000", ...seedList] = process.argv.slice(2);
const storage = new FileStorage(`state-${name}`);
const gossip = startThermometer({ ...nodePlatform(), storage, name, port: Number(port), seedList }, console.log);

console.log("type a temperature and press Enter");
const lines = createInterface({ input: process.stdin })
  .on("line", (line) => {
    const temp = Number(line);
    if (line.trim() !== "" && Number.isFinite(temp)) gossip.push({ temp });
    else console.log(`"${line}" is no number`);
  })
  .on("close", () => gossip.close());
process.once("SIGINT", () => lines.close());
