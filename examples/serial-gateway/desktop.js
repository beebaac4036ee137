// node examples/serial-gateway/desktop.js DEVICE[:SPEED] NAME PORT SEED…
import { FileStorage, Gossip } from "chisme-cli/node";
import { startGateway } from "./app.js";

const [device = "/dev/ttyUSB0", name = "gateway", port = "5000", ...seedList] = process.argv.slice(2);
const options = {
  serial: [device],
  storage: new FileStorage(`state-${name}`),
  name,
  port: Number(port),
  seedList,
  /** @type {(code: string, error: Error) => void} */
  onError: (code, error) => console.log(`${code}: ${error.message}`),
};
const gossip = startGateway(Gossip, options, console.log);
process.once("SIGINT", () => gossip.close());
