import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/index.js";
import {
  FLAG_MORE, SECTION_RANGE_FINGERPRINTS, SECTION_DIGEST, SECTION_ROW_FINGERPRINTS, SECTION_ROWS, SECTION_WANT,
  SECTION_WINDOW,
  TYPE_DIFF, rangeFrom, rangeTo,
} from "../../../src/engine/wire/frame.js";
import { orderKey } from "../../../src/engine/table/hash.js";
import { DOWN, LEFT, REMOVE } from "../../../src/engine/table/states.js";
import { type FrameVector, type VectorRow, sectionsOf, tagsOf } from "../wire/frame-support.js";
import { answersTo, counterOf, frameOf, nodeWith, peerRow, rowOf } from "../responder.js";

interface FlatEntry {
  range: number;
  roster: number;
  bytes: number[];
}

interface List {
  from: number;
  to: number;
  ids: number[];
}

function flatsIn(sent: Uint8Array[]): FlatEntry[] {
  return sent.flatMap((bytes) => sectionsOf(bytes, SECTION_ROW_FINGERPRINTS))
    .flatMap(({ entries }) => entries as FlatEntry[]);
}

function listsIn(sent: Uint8Array[]): List[] {
  return sent.flatMap((bytes) => sectionsOf(bytes, SECTION_DIGEST)).map(({ from, to, entries }) => {
    return { from: from!, to: to!, ids: (entries as { id: number }[]).map(({ id }) => id) };
  });
}

/** The two rows that the engine and its peer know of each other, as the engine has them. */
function bothOf(engine: Engine): VectorRow[] {
  return [peerRow, {
    ...peerRow, id: 1, revision: engine.revision(), heartbeat: engine.rows.heartbeat(0), value: "",
  }];
}

/** What a node answers in the course of an exchange. */
function goesOn(engine: Engine, fields: Partial<FrameVector>): Uint8Array[] {
  return answersTo(engine, frameOf({ type: TYPE_DIFF, inReplyTo: counterOf(engine), ...fields }));
}

function others(count: number): VectorRow[] {
  return Array.from({ length: count }, (_, i) => rowOf(i + 1));
}

describe("SummaryWriter", () => {
  it("a node sends no summary when the table hashes are equal", () => {
    const engine = nodeWith(10, true);
    const sent = answersTo(engine, frameOf({ held: [...bothOf(engine), ...others(9)] }));
    assert.deepEqual(sent.map(tagsOf), [[]]);
  });

  it("a node with two rows lists all ids", () => {
    const [list] = listsIn(answersTo(nodeWith(1, true), frameOf({})));
    assert.deepEqual(list.ids.sort(), [1, peerRow.id]);
  });

  it("a node with up to 64 rows sends a fingerprint byte for each", () => {
    for (const count of [2, 20, 63]) {
      const sent = answersTo(nodeWith(count, true), frameOf({}));
      assert.deepEqual(sent.map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
      assert.deepEqual(flatsIn(sent).map(({ range, bytes }) => [range, bytes.length]), [[0, count + 1]]);
    }
  });

  it("a node with more rows sends a range fingerprint for about eight rows each", () => {
    for (let count = 64; count < 1000; count += 13) {
      const sent = answersTo(nodeWith(count, true), frameOf({}));
      const [ranges] = sectionsOf(sent[0], SECTION_RANGE_FINGERPRINTS);
      const rowsEach = (count + 1) / ranges.entries.length;
      assert.ok(rowsEach > 5 && rowsEach < 11, `${count + 1} rows in ${ranges.entries.length} ranges`);
      assert.equal(sent.length, 1);
    }
  });

  it("a short datagram has coarser range fingerprints", () => {
    const sent = answersTo(nodeWith(900, true, 128), frameOf({}));
    assert.equal(sectionsOf(sent[0], SECTION_RANGE_FINGERPRINTS)[0].entries.length, 64);
    assert.ok(sent[0].length <= 128);
  });

  it("a summary waits for the next frame when wanted rows leave no room", () => {
    const sent = answersTo(nodeWith(200, true, 128), frameOf({ wants: others(12).map(({ id }) => id) }));
    assert.deepEqual(sent.map(tagsOf), [[SECTION_ROWS], [SECTION_RANGE_FINGERPRINTS]]);
  });

  it("a summary leaves out tombstones", () => {
    const engine = nodeWith(20, true);
    for (const [id, state] of [[1001, REMOVE], [1002, LEFT], [1003, DOWN]]) {
      engine.rows.setState(engine.rows.find(id), state);
    }
    assert.deepEqual(flatsIn(answersTo(engine, frameOf({}))).map(({ bytes }) => bytes.length), [21 - 1]);
  });
});

describe("Engine: range fingerprints arrive", () => {
  const LOG = 5;
  const rangeOf = (id: number): number => orderKey(id) >>> (32 - LOG);

  /** What it answers to a peer that holds the same but for some rows. */
  function answer(count: number, change: (held: VectorRow[]) => VectorRow[]): Uint8Array[] {
    const engine = nodeWith(count, true);
    return goesOn(engine, { held: change([...bothOf(engine), ...others(count - 1)]), buckets: LOG });
  }

  it("a node sends the row fingerprints of ranges that differ", () => {
    const sent = answer(300, (held) => held.map((row) => row.id === 1007 ? { ...row, heartbeat: 9999 } : row));
    assert.deepEqual(sent.map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
    const [{ range, bytes }] = flatsIn(sent);
    assert.equal(range, rangeOf(1007));
    const inRange = [1, peerRow.id, ...others(299).map(({ id }) => id)].filter((id) => rangeOf(id) === range);
    assert.equal(bytes.length, inRange.length);
    assert.ok(inRange.length > 2);
  });

  it("a node lists the rows of a range in which it has two, one or none", () => {
    const sent = answer(20, (held) => held.filter(({ id }) => id !== 1003));
    const mine = [1, peerRow.id, ...others(19).map(({ id }) => id)].filter((id) => rangeOf(id) === rangeOf(1003));
    assert.ok(mine.length <= 2);
    assert.deepEqual(sent.map(tagsOf), [[SECTION_DIGEST]]);
    const [list] = listsIn(sent);
    assert.deepEqual(list.ids.sort(), mine.sort());
    assert.deepEqual([list.from, list.to], [rangeFrom(rangeOf(1003), LOG), rangeTo(rangeOf(1003), LOG)]);

    const known = [1, peerRow.id, ...others(19).map(({ id }) => id)].map(rangeOf);
    const id = Array.from({ length: 99 }, (_, i) => 5000 + i).find((one) => !known.includes(rangeOf(one)))!;
    const [empty] = listsIn(answer(20, (held) => [...held, { ...peerRow, id }]));
    assert.deepEqual(empty, { from: rangeFrom(rangeOf(id), LOG), to: rangeTo(rangeOf(id), LOG), ids: [] });
  });

  it("a node sends nothing for ranges that do not differ", () => {
    const engine = nodeWith(300, true);
    const held = [...bothOf(engine), ...others(299)];
    assert.deepEqual(goesOn(engine, { held, buckets: LOG }), []);
  });
});

describe("Engine: row fingerprints arrive", () => {
  function answer(engine: Engine, held: VectorRow[]): Uint8Array[] {
    return goesOn(engine, { held, flat: { log: 0, ranges: [0] } });
  }

  it("a node sends its rows that differ when both hold the same ids", () => {
    const engine = nodeWith(40, true);
    const held = [...bothOf(engine), ...others(39)].map((row) => {
      return row.id === 1005 || row.id === 1009 ? { ...row, heartbeat: 7777 } : row;
    });
    const sent = answer(engine, held);
    assert.deepEqual(sent.map(tagsOf), [[SECTION_ROWS]]);
    const [{ entries }] = sectionsOf(sent[0], SECTION_ROWS);
    assert.deepEqual((entries as { id: number }[]).map(({ id }) => id).sort(), [1005, 1009]);
  });

  it("a node counts equal rows as sent, since the peer holds them", () => {
    const engine = nodeWith(40, true);
    for (const id of [1004, 1005]) engine.rows.markUpdate(engine.rows.find(id));
    const sends = engine.rows.transmitsLeft(engine.rows.find(1004));
    const flat = { log: 3, ranges: [orderKey(1004), orderKey(1005)].map((key) => key >>> 29).sort((a, b) => a - b) };
    const held = [...bothOf(engine), ...others(39)].map((row) => row.id === 1005 ? { ...row, heartbeat: 7777 } : row);
    assert.notEqual(flat.ranges[0], flat.ranges[1]);
    goesOn(engine, { held, flat });
    assert.deepEqual([1004, 1005].map((id) => engine.rows.transmitsLeft(engine.rows.find(id))), [sends - 1, sends]);
  });

  it("a node lists its rows when the peer holds other ids, although as many", () => {
    const engine = nodeWith(40, true);
    const held = [...bothOf(engine), ...others(39)].map((row) => row.id === 1005 ? { ...row, id: 3000 } : row);
    const sent = answer(engine, held);
    assert.deepEqual(sent.map(tagsOf), [[SECTION_DIGEST]]);
    const [list] = listsIn(sent);
    assert.deepEqual([list.from, list.to, list.ids.length], [0, 0xffffffff, 41]);
    assert.deepEqual(list.ids, list.ids.slice().sort((a, b) => orderKey(a) - orderKey(b)));
  });
});

describe("SummaryWriter: a list that no burst holds", () => {
  /** The lists of one answer to a peer that has nothing. */
  function lists(engine: Engine): List[] {
    return listsIn(goesOn(engine, { flat: { log: 0, ranges: [0] } }));
  }

  function assertSideBySide(parts: List[]): void {
    for (let i = 1; i < parts.length; i++) assert.equal(parts[i].from, parts[i - 1].to + 1);
    for (const { from, to, ids } of parts) {
      for (const id of ids) assert.ok(orderKey(id) >= from && orderKey(id) <= to);
    }
  }

  it("a long list has adjacent parts, one per frame", () => {
    const engine = nodeWith(63, true, 128);
    const parts = lists(engine);
    assert.equal(parts.length, 4);
    assert.equal(parts[0].from, 0);
    assert.ok(parts[3].to < 0xffffffff);
    assertSideBySide(parts);
    for (const { from, to, ids } of parts) {
      const all = [1, peerRow.id, ...others(62).map(({ id }) => id)];
      assert.deepEqual(ids.length, all.filter((id) => orderKey(id) >= from && orderKey(id) <= to).length);
    }
  });

  it("the next burst goes on where the last ended, until all rows were listed", () => {
    for (const count of [63, 200, 600]) {
      const engine = nodeWith(count, true, 128);
      const seen = new Set<number>();
      let ended = 0;
      for (let bursts = 0; seen.size < count + 1; bursts++) {
        assert.ok(bursts * 30 < count + 30, `${seen.size} rows after ${bursts} bursts`);
        engine.rows.clearAnswers();
        const parts = lists(engine);
        assert.equal(parts[0].from, ended);
        for (const { ids } of parts) ids.forEach((id) => seen.add(id));
        ended = parts[parts.length - 1].to + 1;
      }
    }
  });

  it("a burst that reaches the last order key goes on at the first", () => {
    for (const fields of [{ flat: { log: 0, ranges: [0] } }, { buckets: 1 }]) {
      const engine = nodeWith(215, true, 128);
      let sent: Uint8Array[] = [];
      for (let bursts = 0; listsIn(sent).every(({ to }) => to < 0xffffffff); bursts++) {
        assert.ok(bursts < 9);
        sent = goesOn(engine, fields);
      }
      assert.deepEqual(sent.map(tagsOf), [[SECTION_DIGEST], [SECTION_DIGEST], [SECTION_DIGEST], [SECTION_DIGEST]]);
      const parts = listsIn(sent);
      const last = parts.findIndex(({ to }) => to === 0xffffffff);
      assert.ok(last < 3 && parts[0].from > 0);
      assert.equal(parts[last + 1].from, 0);
    }
  });

  it("a list goes on where it ended, although another summary came between", () => {
    const engine = nodeWith(63, true, 128);
    const ended = lists(engine).pop()!.to + 1;
    const told = goesOn(engine, { flags: FLAG_MORE });
    // The answer to a burst that was too short shows the window, too.
    assert.deepEqual(told.map(tagsOf), [[SECTION_ROW_FINGERPRINTS, SECTION_WINDOW]]);
    assert.equal(lists(engine)[0].from, ended);
  });

  it("a list goes on within a range that has more rows than a burst holds", () => {
    const engine = nodeWith(600, true, 128);
    const seen = new Set<number>();
    let ended = 0;
    for (let bursts = 0; seen.size < 601; bursts++) {
      assert.ok(bursts < 60, `${seen.size} rows after ${bursts} bursts`);
      const parts = listsIn(goesOn(engine, { buckets: 2 }));
      assert.equal(parts[0].from, ended);
      assertSideBySide(parts.filter(({ from }) => from >= ended));
      for (const { ids } of parts) ids.forEach((id) => seen.add(id));
      ended = parts[parts.length - 1].to + 1;
    }
  });

  it("a list begins at the first order key again after one that fitted", () => {
    const engine = nodeWith(63, true, 128);
    assert.ok(lists(engine).pop()!.to < 0xffffffff);
    assert.ok(lists(engine)[0].from > 0);
    assert.equal(listsIn(goesOn(engine, { flat: { log: 3, ranges: [2] } })).length, 1);
    assert.equal(lists(engine)[0].from, 0);
  });
});

describe("Engine: wants and lists arrive", () => {
  it("a node sends the wanted rows that it holds", () => {
    const sent = goesOn(nodeWith(10, true), { wants: [1003, 4444, 1001] });
    const [{ entries }] = sectionsOf(sent[0], SECTION_ROWS);
    assert.deepEqual((entries as { id: number }[]).map(({ id }) => id), [1003, 1001]);
  });

  it("a node sends rows that the peer lacks or holds older, and wants those it lacks or holds older itself", () => {
    const engine = nodeWith(6, true);
    const held = [...bothOf(engine), { ...rowOf(1), heartbeat: 0 }, { ...rowOf(2), heartbeat: 99 }, rowOf(3), {
      ...rowOf(4), state: 2,
    }, { ...rowOf(0), id: 8888 }];
    const sent = goesOn(engine, { held, digests: [{ from: 0, to: 0xffffffff }] });
    const idsIn = (tag: number): number[] => sectionsOf(sent[0], tag).flatMap(({ entries }) => (
      (entries as ({ id: number } | number)[]).map((entry) => typeof entry === "number" ? entry : entry.id)
    )).sort((a, b) => a - b);
    assert.deepEqual(idsIn(SECTION_ROWS), [1001, 1005]);
    assert.deepEqual(idsIn(SECTION_WANT), [1002, 1004, 8888]);
  });

  it("a node sends and wants nothing outside the listed range", () => {
    const engine = nodeWith(40, true);
    const sent = goesOn(engine, { digests: [{ from: 0x40000000, to: 0x7fffffff }] });
    const rows = sectionsOf(sent[0], SECTION_ROWS).flatMap(({ entries }) => entries as { id: number }[]);
    const between = others(39).filter(({ id }) => orderKey(id) >= 0x40000000 && orderKey(id) <= 0x7fffffff);
    assert.deepEqual(rows.map(({ id }) => id).sort(), between.map(({ id }) => id).sort());
  });

  it("a node wants no row for which its table has no place", () => {
    const engine = nodeWith(1199, true);
    const held = [...bothOf(engine), { ...rowOf(0), id: 8888 }];
    const sent = goesOn(engine, { held, digests: [{ from: orderKey(8888), to: orderKey(8888) }] });
    assert.ok(!sent.some((bytes) => tagsOf(bytes).includes(SECTION_WANT)));
  });

  it("a node does not want a row that it holds as SUSPECT because others call it DOWN", () => {
    const engine = nodeWith(6, true);
    engine.rows.setState(engine.rows.find(1002), 2);
    const held = [...bothOf(engine), { ...rowOf(2), state: 3 }];
    const digests = [{ from: orderKey(1002), to: orderKey(1002) }];
    assert.deepEqual(goesOn(engine, { held, digests }), []);
    const [first] = goesOn(nodeWith(6, true), { held, digests });
    assert.deepEqual(sectionsOf(first, SECTION_WANT)[0].entries, [1002]);
  });
});
