import { readFileSync } from "node:fs";
import type { SimRandom } from "../desktop/simulator/random.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { drawWord, mutate } from "./mutate.js";
import type { DatagramSource, World } from "./world.js";

const DEPTH_MAX = 12;
/** Texts that are difficult for a JSON scanner. */
const TOKENS = [
  "null", "true", "-0", "1e400", "-1", "0.5", "4294967296", "1E+2", "01", "1.", '""', '"\\u0000"', '"\\ud800"', '"\\x"',
  '"é°😀"', "[]", "{}", "[[[[[[[[[[[]]]]]]]]]]]", '{"__proto__":1}', "NaN", "'", "}", '"',
];
const NAMES = ["type", "1.2.3", "256.1.1.1", "01.2.3.4", "0.0.0.0", "255.255.255.255", "__proto__", ""];
const VALUES = ["21.5", '"t"', "true", "null", "-3", "1e-7"];

interface Step { text?: string; sends: { datagram: unknown }[] }

/** ESPGossip's JSON datagrams: by the grammar of PROTOCOL.md, from the recorded runs, and from the node itself. */
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

  draw(random: SimRandom, world: World): Uint8Array {
    const bytes = this.drawDatagram(random, world);
    if (random.chance(0.6)) return bytes;
    return mutate(random, bytes, random.chance(0.5) ? random.pick(this.vectors) : bytesOf(writeState(random, world)));
  }

  private drawDatagram(random: SimRandom, world: World): Uint8Array {
    if (random.chance(0.7)) return bytesOf(writeState(random, world));
    if (random.chance(0.5) && world.datagrams.length > 0) return random.pick(world.datagrams);
    return random.pick(this.vectors);
  }
}

function writeState(random: SimRandom, world: World): string {
  const members = [`"type":${random.chance(0.95) ? random.pick(['"SYN"', '"ACK"']) : drawToken(random)}`];
  for (let left = random.below(14); left > 0; left--) {
    const name = random.chance(0.95) ? formatAddress(world.drawId(random)) : random.pick(NAMES);
    members.push(`"${name}":${random.chance(0.97) ? writeRow(random, world) : drawToken(random)}`);
  }
  const text = `{${random.chance(0.2) ? " " : ""}${random.shuffled(members).join(",")}}`;
  return random.chance(0.1) ? text.replaceAll(",", " ,\t\n").replaceAll(":", " : ") : text;
}

function writeRow(random: SimRandom, world: World): string {
  const members = [
    ["revision", world.drawRevision(random)],
    ["heartbeat", world.drawHeartbeat(random)],
    ["state", world.drawState(random)],
  ].filter(() => random.chance(0.97)).map(([name, value]) => (
    `"${name}":${random.chance(0.03) ? drawToken(random) : random.chance(0.05) ? `-${value}` : value}`
  ));
  if (random.chance(0.5)) {
    const depth = random.below(random.chance(0.05) ? DEPTH_MAX : 4);
    members.push(`"data":${writeData(random, depth)}`);
  }
  return `{${members.join(",")}}`;
}

function writeData(random: SimRandom, depth: number): string {
  if (depth === 0) return random.chance(0.1) ? drawToken(random) : random.pick(VALUES);
  const items = Array.from({ length: random.below(3) + 1 }, () => writeData(random, depth - 1));
  return random.chance(0.5) ? `[${items.join(",")}]` : `{${items.map((item, i) => `"k${i}":${item}`).join(",")}}`;
}

function drawToken(random: SimRandom): string {
  return random.chance(0.2) ? String(drawWord(random, [])) : random.pick(TOKENS);
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
