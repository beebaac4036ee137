import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TapEntry } from "../../desktop/simulator/node.js";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { parseAddress } from "../../src/engine/wire/address.js";
import { auto, espgossip } from "../../src/espgossip/index.js";
import type { CborValue } from "../../src/gossip.js";
import { Harness } from "../conformance/harness.js";
import { buildBundle } from "../conformance/replay.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";
import { Mixed, ROUND } from "./mixed.js";

const ROUNDS = 300;
/** On 32-bit XS where it is emulated; the first restart is in round 25. */
const EMULATED_ROUNDS = 30;
const CAPACITY = 8;
const VALUE_BYTES_MAX = 32;
/** As on an ESP8266. */
const DATAGRAM_BYTES_MAX = 512;
const VALUES: CborValue[] = [
  21.5, { temp: -0.1, list: [1, null, "°C"] }, true, [[[[1]]]], { a: { b: { c: {} } } },
  undefined, 1e-7,
];

/** The inputs of a board and of a bridge in a mixed network, as lines for the harness. */
function record(rounds: number): string[][] {
  const lines: string[][] = [];
  const mixed = new Mixed({
    seed: 5, boards: 2, compact: 2, autos: 2, lossProbability: 0.1, capacity: CAPACITY,
    datagramBytesMax: DATAGRAM_BYTES_MAX,
  });
  mixed.network.faults.corruptProbability = 0.1;
  mixed.network.faults.udpChecksum = false;
  mixed.members.forEach(() => lines.push([]));
  mixed.network.tap = (entry) => lines[entry.node.index].push(...linesOf(entry, mixed.members[entry.node.index].kind));
  for (let round = 0; round < rounds; round++) {
    mixed.runRounds(1);
    const { node } = mixed.members[round % mixed.members.length];
    node.push(VALUES[round % VALUES.length]);
    if (round % 25 === 24) node.restart({ keepStorage: true });
  }
  return lines.filter((_, index) => mixed.members[index].kind !== "compact");
}

function linesOf(entry: TapEntry, kind: string): string[] {
  const { node, nowMs } = entry;
  switch (entry.kind) {
    case "start": {
      const stored = node.storage.readRevision();
      return [
        `dialect ${kind === "board" ? "espgossip" : kind}`,
        `new ${node.id} ${node.address} 5000 ${CAPACITY} ${VALUE_BYTES_MAX} ${DATAGRAM_BYTES_MAX} ${ROUND} `
          + `86400000 16 4294967295 ${entry.randomSeed}`,
        `pin ${parseAddress("10.0.0.1")} 5000`,
        `start ${nowMs} ${stored === undefined ? 0 : stored + 1} ${stored === undefined ? 0 : 1}`,
      ];
    }
    case "timer": return [`tick ${nowMs}`];
    case "datagram": return [`receive ${nowMs} ${entry.address} ${entry.port} ${hex(entry.bytes, entry.length)}`];
    case "push": {
      const bytes = new Uint8Array(VALUE_BYTES_MAX);
      const length = entry.value === undefined ? 0 : encodeCbor(entry.value, bytes, 0);
      return [`publish ${nowMs} 0 0 ${hex(bytes, length)}`.trimEnd()];
    }
    default: return [];
  }
}

function hex(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("hex");
}

/** Nested data is encoded level by level, and a bridge is two nodes: more than an ESP8266 has by default. */
function memoryOfManifest(): { stackSlots: number; staticBytes: number } {
  const file = new URL("../../src/espgossip/manifest.json", import.meta.url);
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  return { stackSlots: manifest.creation.stack, staticBytes: manifest.platforms.esp.creation.static };
}

interface Manifest {
  creation: { stack: number };
  platforms: { esp: { creation: { static: number } } };
}

describe("ESPGossip's dialects on other engines", function () {
  this.timeout(600000);

  it("both dialects give the same outputs on XS as on V8, in the memory of a board", async function () {
    await requireXs(this);
    const bundle = await buildBundle("../espgossip/xs-entry.ts", "espgossip");
    let inputs = 0;
    for (const { bits, work: rounds } of await XsHost.longRun(ROUNDS, EMULATED_ROUNDS)) {
      const host = await XsHost.start(bundle, { ...memoryOfManifest(), bits });
      const harness = new Harness({ espgossip: espgossip(), auto: auto() });
      for (const lines of record(rounds)) {
        const answers = await host.sendMany(lines);
        for (const [index, line] of lines.entries()) {
          assert.equal(answers[index], harness.line(line), `${bits} bits, input ${index}: ${line}`);
        }
        inputs += lines.length;
      }
      await host.close();
    }
    assert.ok(inputs > 2000, `${inputs} inputs`);
  });
});
