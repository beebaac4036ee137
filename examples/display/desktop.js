// node examples/display/desktop.js NAME PORT SEED…
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { startDisplay } from "./app.js";

const [name = "display", port = "5000", ...seedList] = process.argv.slice(2);
const storage = new FileStorage(`state-${name}`);
const options = { ...nodePlatform(), storage, name, port: Number(port), seedList };
const gossip = startDisplay(options, (lines) => {
  if (process.stdout.isTTY) console.clear();
  console.log(lines.join("\n"));
});
process.once("SIGINT", () => gossip.close());
