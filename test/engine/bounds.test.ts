import assert from "node:assert/strict";
import fc from "fast-check";
import { OWN_SLOT } from "../../src/engine/index.js";
import { FLAG_MORE, SECTION_RANGE_FINGERPRINTS, SECTION_ROW_FINGERPRINTS } from "../../src/engine/wire/frame.js";
import { FLAG_PROVEN } from "../../src/engine/table/rows.js";
import { propertyOptions } from "../support/random.js";
import { bytesOf, frames, readGood, tagsOf } from "./wire/frame-support.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";
import { takeDatagrams } from "../support/engine-outputs.js";
import { PEER, answersTo, bytesIn, counterOf, frameOf, nodeWith, peerRow } from "./responder.js";

const ANSWERS_A_PEER = 14;
const ANSWERS_A_ROUND = 512;
const SYN = 1;
const ACK = 2;
const DIFF = 3;

const allIds = Array.from({ length: 40 }, (_, i) => 1000 + i);

describe("Engine: an address that is not proven", () => {
  it("the node answers with one datagram of at most three times the bytes received", () => {
    for (const wants of [[], [1001], allIds]) {
      const syn = frameOf({ wants });
      const sent = answersTo(nodeWith(200, false), syn);
      assert.equal(sent.length, 1);
      assert.ok(sent[0].length <= 3 * syn.length, `${sent[0].length} bytes for ${syn.length}`);
    }
    // The summary is as long as that allows.
    const [short] = answersTo(nodeWith(200, false), frameOf({}));
    assert.deepEqual([short.length <= 3 * frameOf({}).length, tagsOf(short)], [true, [SECTION_RANGE_FINGERPRINTS]]);
    assert.ok(bytesIn(answersTo(nodeWith(200, true), frameOf({ wants: allIds }))) > 3 * frameOf({}).length);
  });

  it("the node sends no more for a known id from another address", () => {
    const syn = frameOf({ wants: [1001], held: [{ ...peerRow, heartbeat: 49 }] });
    const long = answersTo(nodeWith(200, true), syn);
    assert.ok(bytesIn(long) > 3 * syn.length, "from its own address there is no limit");
    assert.ok(bytesIn(answersTo(nodeWith(200, true), syn, 0x0a0000ff)) <= 3 * syn.length);
    // Also when it is current, which makes that address the node's.
    const current = frameOf({ wants: [1001] });
    assert.ok(bytesIn(answersTo(nodeWith(200, true), current, 0x0a0000ff)) <= 3 * current.length);
  });

  it("the node sends no more for a frame of an earlier start", () => {
    const syn = frameOf({ held: [{ ...peerRow, revision: 1, value: "" }] });
    const sent = answersTo(nodeWith(200, false), syn);
    assert.equal(sent.length, 1);
    assert.ok(sent[0].length <= 3 * syn.length);
  });

  it("the node never sends more than three times the bytes of any frame", () => {
    const sections = fc.record({
      wants: fc.subarray(allIds),
      digests: fc.subarray([{ from: 0, to: 0xffffffff }]),
      buckets: fc.integer({ min: 1, max: 6 }),
      flat: fc.constant<{ log: number; ranges: number[] }>({ log: 1, ranges: [0, 1] }),
      probes: fc.subarray(allIds),
      heard: fc.subarray(allIds),
    }, { requiredKeys: [] });
    const types = fc.constantFrom([SYN, 0], [SYN, 0x20], [ACK, 0], [DIFF, 0], [DIFF, 0x40], [4, 0]);
    fc.assert(fc.property(types, fc.nat(), sections, fc.nat(60), ([type, flags], inReplyTo, content, heartbeat) => {
      const frame = frameOf({ type, flags, inReplyTo, held: [{ ...peerRow, heartbeat }], ...content });
      assert.ok(bytesIn(answersTo(nodeWith(60, false), frame)) <= 3 * frame.length);
    }), propertyOptions(300));
    for (const { hex, name } of frames) {
      const bytes = bytesOf(hex);
      const node = nodeWith(60, false);
      node.receive(10, PEER, PORT, bytes, bytes.length);
      assert.ok(bytesIn(takeDatagrams(node).map((sent) => sent.bytes)) <= 3 * bytes.length, name);
    }
  });

  it("an answer proves the address, and another address is not proven", () => {
    const engine = nodeWith(200, false);
    const ack = frameOf({ type: ACK, inReplyTo: counterOf(engine) });
    answersTo(engine, ack);
    assert.ok(engine.rows.hasFlag(engine.rows.find(peerRow.id), FLAG_PROVEN));
    engine.rows.setAddress(engine.rows.find(peerRow.id), 77, PORT);
    assert.ok(!engine.rows.hasFlag(engine.rows.find(peerRow.id), FLAG_PROVEN), "another address is another question");
  });
});

describe("Engine: answers between two rounds", () => {
  it("the node gives a peer 14 answers of any length, then short ones until the next round", () => {
    const engine = nodeWith(200, true);
    const syn = frameOf({ wants: allIds.slice(0, 1), digests: [{ from: 0, to: 0x3fffffff }] });
    const long = Array.from({ length: 40 }, () => bytesIn(answersTo(engine, syn)) > 3 * syn.length);
    assert.deepEqual(long, long.map((_, i) => i < ANSWERS_A_PEER));
    engine.tick(ROUND_MS);
    assert.ok(bytesIn(answersTo(engine, syn, PEER, ROUND_MS)) > 3 * syn.length, "after a round it may again");
  });

  it("the node answers 512 ACKs and DIFFs, then none until the next round", () => {
    const engine = nodeWith(20, true);
    const answered = (nowMs: number): boolean => {
      const diff = frameOf({ type: DIFF, inReplyTo: counterOf(engine, nowMs), wants: [1001] });
      return answersTo(engine, diff, PEER, nowMs).length > 0;
    };
    const answers = Array.from({ length: 700 }, () => answered(10));
    assert.deepEqual(answers.lastIndexOf(true), ANSWERS_A_ROUND - 1);
    assert.ok(answers.slice(0, ANSWERS_A_ROUND).every((one) => one));
    assert.equal(answersTo(engine, frameOf({})).length, 1, "a SYN is answered all the same");
    engine.tick(ROUND_MS);
    assert.ok(answered(ROUND_MS));
  });
});

describe("Engine: the flag MORE", () => {
  const isMore = (bytes: Uint8Array): boolean => (bytes[1] & FLAG_MORE) !== 0;

  it("the node sets MORE only on the last frame of a burst that was too short", () => {
    const engine = nodeWith(200, true, 128);
    const sent = answersTo(engine, frameOf({ wants: Array.from({ length: 60 }, (_, i) => 1001 + i) }));
    assert.deepEqual(sent.map(isMore), [false, false, false, true]);
    assert.deepEqual(sent.map((bytes) => bytes[1] & 15), [ACK, DIFF, DIFF, DIFF]);
    const enough = answersTo(engine, frameOf({ wants: allIds.slice(0, 5) }));
    assert.ok(enough.length < 4 && !enough.some(isMore));
  });

  it("the node sets MORE when it wants more rows than one answer may want", () => {
    const held = [peerRow, ...allIds.map((id) => ({ ...peerRow, id, heartbeat: 9999 }))];
    const sent = answersTo(nodeWith(60, true, 128), frameOf({ held, digests: [{ from: 0, to: 0xffffffff }] }));
    const wants = sent.flatMap((bytes) => readGood(bytes).sections.filter(({ tag }) => tag === 1));
    assert.deepEqual(wants.map(({ entries }) => entries.length), [8]);
    assert.deepEqual(sent.map(isMore), sent.map((_, i) => i === sent.length - 1));
  });

  it("a peer summarises all its rows again for MORE, once per summary that arrived", () => {
    const engine = nodeWith(60, true);
    const isSummaryDue = (flags: number, inReplyTo: number): boolean => {
      const sent = answersTo(engine, frameOf({ type: DIFF, flags, inReplyTo }));
      return sent.some((bytes) => tagsOf(bytes).includes(SECTION_ROW_FINGERPRINTS));
    };
    const before = counterOf(engine);
    assert.equal(isSummaryDue(0, before), false, "the peer has all rows");
    assert.equal(isSummaryDue(FLAG_MORE, before), true);
    assert.equal(isSummaryDue(FLAG_MORE, before), false, "another thread of the same exchange");
    assert.equal(isSummaryDue(FLAG_MORE, counterOf(engine)), true);
  });

  it("a peer in sync does not answer MORE", () => {
    const engine = nodeWith(1, true);
    const held = [peerRow, { ...peerRow, id: 1, revision: 5, heartbeat: engine.rows.heartbeat(OWN_SLOT) }];
    const diff = frameOf({ type: DIFF, flags: FLAG_MORE, inReplyTo: counterOf(engine), held });
    assert.ok(engine.rows.tableHash.isShown(...(readGood(diff).tableHash as [number, number])));
    assert.deepEqual(answersTo(engine, diff), []);
  });
});

describe("Engine: a merged row", () => {
  it("the node sends a merged row as an update on SYNs and ACKs, not on DIFFs", () => {
    const engine = nodeWith(20, true);
    const row = { ...peerRow, id: 5000, heartbeat: 1 };
    const held = [peerRow, row];
    const inReplyTo = counterOf(engine);
    assert.deepEqual(answersTo(engine, frameOf({ type: DIFF, inReplyTo, held, rows: [5000] })), []);
    const rowsIn = (sent: Uint8Array[]): unknown[] => sent.flatMap((bytes) => (
      readGood(bytes).sections.filter(({ tag }) => tag === 2).flatMap(({ entries }) => entries as { id: number }[])
    )).map(({ id }) => id);
    assert.deepEqual(rowsIn(answersTo(engine, frameOf({ type: DIFF, inReplyTo, wants: [1001] }))), [1001]);
    assert.deepEqual(rowsIn(answersTo(engine, frameOf({ wants: [1001] }))), [1001, 5000]);
  });
});
