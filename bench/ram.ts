import { parseArgs } from "node:util";
import Table from "cli-table3";
import { type RamFigures, measureRam } from "./ram-figures.js";

/* Measures a node's memory and work on 32-bit XS, and prints them as a table or as one JSON object. */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    datagrams: { type: "string", default: "1000000" },
  },
});
const datagrams = Number(values.datagrams);
if (!Number.isInteger(datagrams) || datagrams < 1000 || datagrams > 1e8) {
  console.error(`--datagrams: ${values.datagrams} is not an integer from 1000 to 100000000`);
  process.exit(2);
}

const figures = await measureRam(datagrams);
if (values.json) console.log(JSON.stringify(figures));
else print(figures);

function print(all: RamFigures): void {
  const table = new Table({ head: ["figure", "value"], colAligns: ["left", "right"], style: { head: [] } });
  for (const [name, value] of Object.entries(all)) table.push([name, value.toLocaleString("en")]);
  console.log(table.toString());
  console.log("Bytes and steps on 32-bit XS with the memory of an ESP8266; docs/MEMORY.md says what each figure is.");
}
