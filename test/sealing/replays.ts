import { parseArgs } from "node:util";
import { replayAll } from "./replay-run.js";

/*
 * Replays recorded frames to the nodes of a sealed network, in each stage of its
 * life, and compares all rows and feeds with those of a network without replays:
 *
 *   node --import tsx test/sealing/replays.ts --replays 1000000 --seed 1
 *
 * Exit status 1 when anything differs.
 */
const { values } = parseArgs({
  options: { replays: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});

let replays = 0;
let differences = 0;
console.log("stage                                      replays  rows compared  differences");
replayAll(Number(values.replays), Number(values.seed), (stage) => {
  replays += stage.replays;
  differences += stage.differences.length;
  line(stage.name, stage.replays, stage.rows, stage.differences.length);
  for (const difference of stage.differences) console.log(`  ${difference}`);
});
line("all", replays, undefined, differences);
process.exitCode = differences === 0 ? 0 : 1;

function line(name: string, count: number, rows: number | undefined, found: number): void {
  const columns = [String(count).padStart(10), String(rows ?? "").padStart(15), String(found).padStart(13)];
  console.log(name.padEnd(40) + columns.join(""));
}
