import { parseArgs } from "node:util";
import { valueTable } from "./report.js";
import { STORE_DEFAULTS, measureStore } from "./store-figures.js";

/* Measures how an event log wears flash, and prints a table or one JSON object. */
const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const figures = measureStore();
if (values.json) {
  console.log(JSON.stringify(figures));
} else {
  console.log(valueTable({ ...figures }));
  const { sectors, sectorBytes, recordBytes, keptRecords } = STORE_DEFAULTS;
  console.log(`${sectors} sectors of ${sectorBytes} bytes, events of ${recordBytes} bytes, ${keptRecords} kept.`);
}
