import { parseArgs } from "node:util";
import { FAMILIES, FAMILY_NAMES, isFamilyName } from "./families.js";
import { RULES, RULE_NAMES, type RuleName, isRuleName, rulesWithout } from "./rules.js";
import { study } from "./study.js";

/*
 * Runs random histories of the model of docs/EVENTS-DESIGN.md and checks them:
 * node --import tsx test/model/command.ts [options]
 *
 *   --histories n   histories of each family, 1000 by default
 *   --seed n        seed of the first history, 0 to 4294967295, 1 by default; the next ones count up
 *   --family name   general, room, forks or clocks; again for more; all by default
 *   --off rules     rules that are switched off: names or numbers such as join,R11, separated by commas; "today" for
 *                   all of them, which is near to what the engine does today
 *   --json          prints one JSON object for each family
 *
 * Exit status: 0 when no checker reported a violation, 1 when one did, 2 for a wrong option.
 */
const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    family: { type: "string", multiple: true },
    off: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const histories = integer("histories", values.histories, 1, 1e9);
const seed = integer("seed", values.seed, 0, 0xffffffff);
const off = rulesOf(values.off);

for (const family of values.family ?? FAMILY_NAMES) {
  if (!isFamilyName(family)) usage(`--family: ${family} is not one of ${FAMILY_NAMES.join(", ")}`);
  const result = study(FAMILIES[family], histories, seed, rulesWithout(off));
  if (result.violated > 0) process.exitCode = 1;
  if (values.json) {
    console.log(JSON.stringify({ family, off, seed, ...result }));
    continue;
  }
  console.log(`${family}: ${result.histories} histories from seed ${seed}, off: ${off.join(", ") || "none"}`);
  console.log(`  ${result.violated} with violations, ${result.outOfRoom} more ran out of room, ` +
    `${result.events} events, at rest after ${result.settledRoundsMax} rounds at most`);
  for (const [kind, text] of Object.entries(result.firsts)) {
    console.log(`  ${kind}: ${result.kinds[kind as keyof typeof result.kinds]} histories; ${text}`);
  }
  console.log(`  ${Object.entries(result.counts).map(([name, count]) => `${name} ${count}`).join(", ")}`);
}

function rulesOf(text: string): RuleName[] {
  if (text === "today") return [...RULE_NAMES];
  return text.split(",").filter((name) => name !== "" && name !== "none").flatMap((name) => {
    if (isRuleName(name)) return [name];
    const numbered = RULE_NAMES.filter((rule) => RULES[rule] === name);
    if (numbered.length === 0) usage(`--off: ${name} is not one of ${RULE_NAMES.join(", ")}, R1 to R11, today`);
    return numbered;
  });
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    usage(`--${name}: ${text} is not an integer from ${least} to ${most}`);
  }
  return value;
}

function usage(message: string): never {
  console.error(message);
  process.exit(2);
}
