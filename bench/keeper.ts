import { parseArgs } from "node:util";
import { integerFlag } from "./flags.js";
import { measureKeeper, printRam } from "./keeper-figures.js";
import { valueTable } from "./report.js";

/* Measures how long a keeper takes to start, and prints a table or one JSON object. Fails if a bound is missed. */
const RATIO_MAX = 3;
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    events: { type: "string", default: "100000" },
    authors: { type: "string", default: "50" },
    ram: { type: "string" },
  },
});
if (values.ram !== undefined) {
  printRam(values.ram);
} else {
  const events = integerFlag("events", values.events, 100, 150000);
  const authors = integerFlag("authors", values.authors, 1, 60);
  const figures = measureKeeper(events, authors, 5, (text) => console.error(text));
  console.log(values.json ? JSON.stringify(figures) : valueTable({ ...figures }));
  if (figures["keeper.startRatio"] > RATIO_MAX) {
    console.error(`keeper.startRatio: ${figures["keeper.startRatio"]} is more than ${RATIO_MAX}`);
    process.exitCode = 1;
  }
}
