// node examples/vouchers/desktop.js NAME PORT SEED…
import { randomInt } from "node:crypto";
import { createInterface } from "node:readline";
import { FileStorage, nodePlatform } from "chisme-cli/node";
import { Vouchers } from "./app.js";

const LIFETIME_MS = 30 * 24 * 3600 * 1000;
/** Without those that look alike. */
const LETTERS = "ABCDEFGHKLMNPQRSTUVWXYZ23456789";

const [name = "desk", port = "5000", ...seedList] = process.argv.slice(2);
const options = { ...nodePlatform(), storage: new FileStorage(`state-${name}`), name, port: Number(port), seedList };
const vouchers = new Vouchers(options, LIFETIME_MS, (device) => console.log(`${device} has to leave`));

/** @type {Record<string, (...words: string[]) => void>} */
const commands = {
  make(minutes = "60") {
    if (!(Number(minutes) > 0)) throw new RangeError(`minutes: ${minutes} is not a number above 0`);
    const code = Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
    vouchers.make(code, Number(minutes));
    console.log(code);
  },
  use: (code, device = "phone") => console.log(vouchers.use(code, device, Date.now()) ? "welcome" : "no"),
  cancel: (code) => vouchers.cancel(code),
  list() {
    for (const { key, value } of vouchers.entries()) console.log(key, `${value.minutes} min`, value.device ?? "unused");
  },
};

console.log("make MINUTES, use CODE DEVICE, cancel CODE, list");
const lines = createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, ...words] = line.trim().split(/\s+/);
    try {
      if (Object.hasOwn(commands, command)) commands[command](...words);
      else console.log(`"${command}" is none of ${Object.keys(commands).join(", ")}`);
    } catch (error) {
      console.log(String(error));
    }
  })
  .on("close", () => vouchers.gossip.close());
process.once("SIGINT", () => lines.close());
