import { parseArgs } from "node:util";
import { integerFlag } from "./flags.js";
import { measureRam } from "./ram-figures.js";
import { valueTable } from "./report.js";

/* Measures a node's memory and work on 32-bit XS, and prints a table or one JSON object. */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    datagrams: { type: "string", default: "1000000" },
  },
});
const figures = await measureRam(integerFlag("datagrams", values.datagrams, 1000, 1e8));
if (values.json) {
  console.log(JSON.stringify(figures));
} else {
  console.log(valueTable(figures));
  console.log("Bytes and steps on 32-bit XS with the memory of an ESP8266. docs/MEMORY.md explains the figures.");
}
