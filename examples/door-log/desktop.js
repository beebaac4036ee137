// node examples/door-log/desktop.js NAME PORT SEED…
import { createInterface } from "node:readline";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { logDoor, startDoorLog } from "./app.js";

const [name = "desk", port = "5000", ...seedList] = process.argv.slice(2);
const storage = new FileStorage(`state-${name}`);
const gossip = startDoorLog({ ...nodePlatform(), storage, name, port: Number(port), seedList }, console.log);

console.log('type "open" or "closed" and press Enter');
const lines = createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "open" || line === "closed") logDoor(gossip, line === "open");
    else console.log(`"${line}" is neither "open" nor "closed"`);
  })
  .on("close", () => gossip.close());
process.once("SIGINT", () => lines.close());
