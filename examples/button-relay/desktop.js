// node examples/button-relay/desktop.js button|relay NAME PORT SEED…
import { createInterface } from "node:readline";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { pressButton, startButton, startRelay } from "./app.js";

const RELAY = "relay";
const [role = "button", name = role, port = "5000", ...seedList] = process.argv.slice(2);
const options = { ...nodePlatform(), storage: new FileStorage(`state-${name}`), name, port: Number(port), seedList };

if (role === "relay") {
  const gossip = startRelay(options, (isOn) => console.log(`relay ${isOn ? "on" : "off"}`));
  process.once("SIGINT", () => gossip.close());
} else {
  const gossip = startButton(options, RELAY, (isOn) => console.log(`lamp ${isOn ? "on" : "off"}`));
  console.log("press Enter");
  const lines = createInterface({ input: process.stdin })
    .on("line", () => pressButton(gossip, RELAY, console.log))
    .on("close", () => gossip.close());
  process.once("SIGINT", () => lines.close());
}
