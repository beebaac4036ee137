import { parseArgs } from "node:util";
import Table from "cli-table3";
import { STORE_DEFAULTS, measureStore } from "./store-figures.js";

/* Measures how an event log wears flash, and prints a table or one JSON object. */
const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const figures = measureStore();
if (values.json) {
  console.log(JSON.stringify(figures));
} else {
  const table = new Table({ head: ["figure", "value"], colAligns: ["left", "right"], style: { head: [] } });
  for (const [name, value] of Object.entries<number>({ ...figures })) table.push([name, value.toLocaleString("en")]);
  console.log(table.toString());
  const { sectors, sectorBytes, recordBytes, keptRecords } = STORE_DEFAULTS;
  console.log(`${sectors} sectors of ${sectorBytes} bytes, events of ${recordBytes} bytes, ${keptRecords} kept.`);
}
