import { parseArgs } from "node:util";
import { espruinoCode, fileMedium, flashMedium, flipTable, prefixTable, storageMedium } from "./damage.js";

/*
 * Flips each bit of a log of 30 records, and restores each earlier state of it, on each medium. Prints what a start
 * then finds: node --import tsx test/platform/damage-command.ts [--json]
 *
 * Exit status: 0 if no intact record was lost, no other record was found, and each further start found the same.
 */
const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const code = await espruinoCode();
for (const make of [fileMedium, flashMedium, () => storageMedium(code)]) {
  for (const [table, run] of [["flips", flipTable], ["prefixes", prefixTable]] as const) {
    const counts = { table, ...run(make(), 1) };
    if (counts.lost + counts.foreign + counts.unstable > 0) process.exitCode = 1;
    if (values.json) console.log(JSON.stringify(counts));
    else console.log(Object.entries(counts).map(([name, value]) => `${name} ${value}`).join(", "));
  }
}
