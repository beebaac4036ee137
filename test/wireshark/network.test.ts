import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { SimRandom } from "../../desktop/simulator/index.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { FeedStore } from "../../src/engine/feed/feed-store.js";
import { BatchData, beginBatches, checkBatch } from "../../src/engine/feed/batches.js";
import { EventData } from "../../src/engine/feed/event.js";
import { checkGap } from "../../src/engine/feed/gaps.js";
import { checkHistory } from "../../src/engine/feed/history.js";
import { FeedClaim, RowData } from "../../src/engine/table/row-data.js";
import { parseFrame } from "../../src/engine/wire/admission.js";
import { DROP_NETWORK, DROP_NONE, DROP_UNSEALED, dropReasonName } from "../../src/engine/wire/drops.js";
import { FLAG_NETWORK, NO_NETWORK, SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY } from "../../src/engine/wire/frame.js";
import { type EventReader, FrameReader } from "../../src/engine/wire/frame-reader.js";
import { codeBlocks, readPage } from "../docs/examples.js";
import { count } from "../support/random.js";
import { type Captured, DISSECTOR, fieldsOf, fromHex, requireTshark, tshark } from "./capture.js";
import { recordedRun } from "./recorded.js";

const KEY = "5a".repeat(32);

/** A node's check of a section of events, without a feed. */
class FormReader implements EventReader {
  readonly claim = new FeedClaim();
  private readonly batch = new BatchData(new FeedStore({ id: () => 0 }, 1, 512, 128, nodeDigest));
  private readonly event = new EventData();

  isVain(): boolean { return false; }

  check(frame: FrameReader): number {
    if (frame.section === SECTION_GAP) return checkGap(frame);
    if (frame.section === SECTION_HISTORY) return checkHistory(frame, this.batch, this.event);
    let reason = DROP_NONE;
    beginBatches(this.batch);
    while (frame.more() && reason === DROP_NONE) {
      reason = checkBatch(frame, this.batch, this.event, frame.id, frame.section !== SECTION_EVENTS);
    }
    return reason;
  }
}

/** Why a node refuses a frame by its form alone; undefined: the frame alone does not show it. */
function engineDrop(bytes: Uint8Array): string | undefined {
  const frame = new FrameReader();
  frame.events = new FormReader();
  const isNamed = bytes.length > 2 && (bytes[1] & FLAG_NETWORK) !== 0;
  frame.network = isNamed ? bytes[2] : NO_NETWORK;
  const reason = parseFrame(frame, undefined, bytes, bytes.length, new RowData(), 0);
  return reason === DROP_NETWORK || reason === DROP_UNSEALED ? undefined : dropReasonName(reason);
}

/** All frames of the vectors, good and refused ones. */
function vectorFrames(): Uint8Array[] {
  return ["frames", "feeds", "sleep"].flatMap((name) => {
    const text = readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8");
    return [...text.matchAll(/"(?:hex|syn|ack)": "(c1[0-9a-f ]*)"/g)].map(([, hex]) => fromHex(hex));
  });
}

/** The capture of docs/WIRESHARK.md: some of the vectors, and a frame that is refused. */
function documented(): Captured[] {
  const read = <Content>(name: string): Content => (
    JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as Content
  );
  const { frames, refusals } = read<Record<"frames" | "refusals", { name: string; hex: string }[]>>("frames");
  const hexOf = (all: { name: string; hex: string }[], wanted: string): string => {
    const vector = all.find(({ name }) => name === wanted);
    assert.ok(vector !== undefined, wanted);
    return vector.hex;
  };
  const hexes = [
    ...frames.slice(1, 4).map(({ hex }) => hex), hexOf(frames, "ACK in sync"),
    hexOf(frames, "ACK with wants, rows and a digest of a range"),
    read<{ frames: { hex: string }[] }>("feeds").frames[0].hex, hexOf(refusals, "a row in state 7"),
  ];
  return hexes.map((hex) => ({ bytes: fromHex(hex) }));
}

/** One to four random changes: a bit, a byte, an end, a byte too many, a piece of another frame. */
function mutated(random: SimRandom, frames: readonly Uint8Array[]): Uint8Array {
  const pick = (): Uint8Array => frames[random.below(frames.length)];
  let bytes = Buffer.from(pick());
  for (let i = random.below(4); i >= 0; i--) {
    const at = random.below(bytes.length);
    const how = random.below(6);
    // The first byte stays mostly, else there is nothing to see behind it.
    if (how <= 1) bytes[Math.max(at, 1)] ^= 1 << random.below(8);
    else if (how === 2) bytes[at] = random.below(256);
    else if (how === 3) bytes = bytes.subarray(0, at + 1);
    else {
      const more = how === 4 ? [Buffer.of(random.below(256)), bytes.subarray(at)] : [pick().subarray(random.below(20))];
      bytes = Buffer.concat([bytes.subarray(0, at), ...more]);
    }
  }
  // Wireshark shows no dissector a datagram without bytes.
  return bytes.length > 0 ? bytes : Buffer.of(0xc1);
}

describe("the dissector for Wireshark, on networks", function () {
  this.timeout(60000);
  before(function () { requireTshark(this); });

  it("shows all datagrams of a run with names, events, messages, time, links and a node that sleeps", async () => {
    const recorded = recordedRun();
    const results = await fieldsOf(recorded, ["_ws.expert", "chisme.row.name", "chisme.row.version", "chisme.row.value",
      "chisme.row.back", "chisme.event.topic", "chisme.event.value", "chisme.message.topic", "chisme.message.value",
      "chisme.hop.what", "chisme.time.unix", "chisme.link.sent", "chisme.limits.capacity", "chisme.type"]);
    for (const [i, result] of results.entries()) {
      assert.deepEqual(result["_ws.expert"], [], Buffer.from(recorded[i].bytes).toString("hex"));
    }
    const seen = (field: keyof (typeof results)[0]): string[] => (
      [...new Set(results.flatMap((result) => result[field]))]
    );
    assert.deepEqual(seen("chisme.row.name").sort(), ["garden", "room 0", "room 1", "room 2", "room 3"]);
    assert.deepEqual(seen("chisme.row.version").sort(), ["1.0", "1.1", "1.2", "1.3"]);
    assert.ok(seen("chisme.row.value").includes('{"list": [1, -2, "ä\\"", null], "temp": 21.5}'));
    assert.deepEqual(seen("chisme.event.topic").sort(), ["code", "door", "lamp"]);
    assert.ok(seen("chisme.event.value").includes('{"open": true}'));
    assert.deepEqual(seen("chisme.message.topic").sort(), ["light", "news", "who"]);
    assert.ok(seen("chisme.message.value").includes('{"on": true}'));
    assert.ok(seen("chisme.row.back").length > 1);
    assert.ok(seen("chisme.hop.what").includes("0"));
    assert.ok(seen("chisme.time.unix").some((text) => text.includes("2026")));
    assert.ok(seen("chisme.link.sent").length > 1);
    assert.ok(seen("chisme.limits.capacity").length > 0);
    assert.ok(seen("chisme.type").includes("4"));
  });

  it("opens nearly all of a sealed run in one pass, and all in two", async () => {
    const recorded = recordedRun({ key: KEY, sealing: nodeSealing });
    const fields = ["chisme.heartbeat", "_ws.expert", "chisme.message.value", "chisme.message.topic"] as const;
    const opened = async (options: string[]): Promise<number> => {
      const results = await fieldsOf(recorded, fields, ["-o", `chisme.keys:${KEY}`, ...options]);
      assert.deepEqual(results.flatMap((result) => result["_ws.expert"]), []);
      const topics = new Set(results.flatMap((result) => result["chisme.message.topic"]));
      assert.deepEqual([...topics].sort(), ["light", "news", "who"]);
      return results.filter((result) => result["chisme.heartbeat"].length > 0).length;
    };
    assert.equal(await opened(["-2"]), recorded.length);
    assert.ok(await opened([]) > 0.95 * recorded.length);
  });

  it("marks mutated frames as a node does, and never fails", async () => {
    const frames = [...vectorFrames(), ...recordedRun().map(({ bytes }) => bytes)];
    const runs = count(2000, 200);
    const seed = Number(process.env.CHISME_TEST_SEED ?? Math.floor(performance.now() * 1000) % 0x7fffffff);
    const random = new SimRandom(seed, 0);
    const mutants = Array.from({ length: runs }, () => mutated(random, frames));
    const captured = mutants.map((bytes): Captured => ({ bytes }));
    const results = await fieldsOf(captured, ["chisme.drop"]);
    const seen = new Map<string, number>();
    for (const [i, bytes] of mutants.entries()) {
      const expected = engineDrop(bytes);
      const drop = results[i]["chisme.drop"][0] ?? "none";
      if (expected === undefined || bytes[0] === 0x7b) continue;
      assert.equal(drop, expected, `seed ${seed}, datagram ${i}: ${Buffer.from(bytes).toString("hex")}`);
      seen.set(drop, (seen.get(drop) ?? 0) + 1);
    }
    assert.ok(seen.size >= 6, JSON.stringify([...seen]));
    // The whole tree, too, sealed frames tried with a key.
    const text = await tshark(captured, ["-V", "-o", `chisme.keys:${KEY}`]);
    assert.ok(text.length > runs * 100);
  });

  it("prints what docs/WIRESHARK.md shows", async () => {
    const blocks = codeBlocks("docs/WIRESHARK.md", "console").filter(({ code }) => code.includes("-r house.pcap"));
    assert.ok(blocks.length > 0);
    for (const { code } of blocks) {
      const [command, ...shown] = code.trimEnd().split("\n");
      const options = [...command.replace(/^\$ tshark /, "").matchAll(/'([^']*)'|(\S+)/g)].map(([, a, b]) => a ?? b);
      const at = options.indexOf("-r");
      options.splice(at, 2);
      const printed = await tshark(documented(), options);
      assert.deepEqual(printed.trimEnd().split("\n").map((line) => line.trimEnd()), shown);
    }
  });

  it("has no field that docs/WIRESHARK.md does not list, and the other way round", () => {
    const program = readFileSync(DISSECTOR, "utf8");
    const fields = [...program.matchAll(/ProtoField\.\w+\("([\w.]+)"/g)].map(([, name]) => name);
    const [, list] = readPage("docs/WIRESHARK.md").split("All fields:");
    assert.deepEqual([...list.matchAll(/`(chisme[\w.]+)`/g)].map(([, name]) => name).sort(), fields.sort());
    assert.ok(fields.length > 90);
  });
});
