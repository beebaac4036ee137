// node examples/hosts/desktop.js NAME PORT SEED…
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { HostTable } from "./app.js";

const [name = "router", port = "5000", ...seedList] = process.argv.slice(2);
const options = { ...nodePlatform(), storage: new FileStorage(`state-${name}`), name, port: Number(port), seedList };
const table = new HostTable(options, (text) => {
  // Here a router has dnsmasq read the file: process.kill(pid, "SIGHUP").
  writeFileSync(`hosts-${name}`, text);
  console.log(text);
});

console.log("add HOST ADDRESS, del HOST");
const lines = createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, host, address] = line.trim().split(/\s+/);
    try {
      if (command === "add") table.lease(host, address);
      else if (command === "del") table.release(host);
      else console.log(`"${command}" is neither add nor del`);
    } catch (error) {
      console.log(String(error));
    }
  })
  .on("close", () => table.gossip.close());
process.once("SIGINT", () => lines.close());
