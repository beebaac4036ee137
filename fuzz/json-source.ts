import { readFileSync } from "node:fs";
import type { SimRandom } from "../desktop/simulator/random.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { drawWord, mutate } from "./mutate.js";
import type { DatagramSource, World } from "./world.js";

const DEPTH_MAX = 12;
/** What a scanner of JSON may stumble over. */
const TOKENS = [
  "null", "true", "-0", "1e400", "-1", "0.5", "4294967296", "1E+2", "01", "1.", '""', '"\\u0000"', '"\\ud800"', '"\\x"',
  '"é°😀"', "[]", "{}", "[[[[[[[[[[[]]]]]]]]]]]", '{"__proto__":1}', "NaN", "'", "}", '"',
];
const NAMES = ["type", "1.2.3", "256.1.1.1", "01.2.3.4", "0.0.0.0", "255.255.255.255", "__proto__", ""];
const VALUES = ["21.5", '"t"', "true", "null", "-3", "1e-7"];

interface Step { text?: string; sends: { datagram: unknown }[] }

/** ESPGossip's datagrams: JSON by the grammar of PROTOCOL.md, from the recorded runs, and of the node's own. */
export class JsonSource implements DatagramSource {
  private readonly vectors: Uint8Array[];

  constructor() {
    const file = new URL("../test/vectors/espgossip.json", import.meta.url);
    const steps = (JSON.parse(readFileSync(file, "utf8")) as { steps: Step[] }[]).flatMap((run) => run.steps);
    const texts = steps.flatMap(({ text, sends }) => [
      ...text === undefined ? [] : [text], ...sends.map(({ datagram }) => JSON.stringify(datagram)),
    ]);
    this.vectors = texts.map(bytesOf);
  }

  draw(dice: SimRandom, world: World): Uint8Array {
    const bytes = this.drawDatagram(dice, world);
    if (dice.chance(0.6)) return bytes;
    return mutate(dice, bytes, dice.chance(0.5) ? dice.pick(this.vectors) : bytesOf(writeState(dice, world)));
  }

  private drawDatagram(dice: SimRandom, world: World): Uint8Array {
    if (dice.chance(0.7)) return bytesOf(writeState(dice, world));
    if (dice.chance(0.5) && world.datagrams.length > 0) return dice.pick(world.datagrams);
    return dice.pick(this.vectors);
  }
}

function writeState(dice: SimRandom, world: World): string {
  const members = [`"type":${dice.chance(0.95) ? dice.pick(['"SYN"', '"ACK"']) : drawToken(dice)}`];
  for (let left = dice.below(14); left > 0; left--) {
    const name = dice.chance(0.95) ? formatAddress(world.drawId(dice)) : dice.pick(NAMES);
    members.push(`"${name}":${dice.chance(0.97) ? writeRow(dice, world) : drawToken(dice)}`);
  }
  const text = `{${dice.chance(0.2) ? " " : ""}${dice.shuffled(members).join(",")}}`;
  return dice.chance(0.1) ? text.replaceAll(",", " ,\t\n").replaceAll(":", " : ") : text;
}

function writeRow(dice: SimRandom, world: World): string {
  const members = [
    ["revision", world.drawRevision(dice)], ["heartbeat", world.drawHeartbeat(dice)], ["state", world.drawState(dice)],
  ].filter(() => dice.chance(0.97)).map(([name, value]) => (
    `"${name}":${dice.chance(0.03) ? drawToken(dice) : dice.chance(0.05) ? `-${value}` : value}`
  ));
  if (dice.chance(0.5)) members.push(`"data":${writeData(dice, dice.below(dice.chance(0.05) ? DEPTH_MAX : 4))}`);
  return `{${members.join(",")}}`;
}

function writeData(dice: SimRandom, depth: number): string {
  if (depth === 0) return dice.chance(0.1) ? drawToken(dice) : dice.pick(VALUES);
  const items = Array.from({ length: dice.below(3) + 1 }, () => writeData(dice, depth - 1));
  return dice.chance(0.5) ? `[${items.join(",")}]` : `{${items.map((item, i) => `"k${i}":${item}`).join(",")}}`;
}

function drawToken(dice: SimRandom): string {
  return dice.chance(0.2) ? String(drawWord(dice, [])) : dice.pick(TOKENS);
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
