import assert from "node:assert/strict";
import fc from "fast-check";
import { FLAG_CONFIRMED } from "../../../src/engine/table/row-flags.js";
import { rowCheck } from "../../../src/engine/table/row-check.js";
import { CHECKED } from "../../../src/engine/table/row-data.js";
import { type Engine, OWN_SLOT } from "../../../src/engine/index.js";
import { SECTION_ROWS, SECTION_WANT } from "../../../src/engine/wire/frame.js";
import { SUSPECT } from "../../../src/engine/table/states.js";
import { PORT } from "../../support/engine-options.js";
import { held } from "../../support/engine-state.js";
import { propertyOptions } from "../../support/random.js";
import { answersTo, frameOf, nodeWith, peerRow, rowOf } from "../responder.js";
import { type VectorRow, sectionsOf } from "../wire/frame-support.js";

/** The ids that a node wants after a SYN of the peer with an update in a row with a check. */
function wantedAfter(engine: Engine, row: VectorRow): unknown[] {
  const syn = frameOf({ held: [peerRow, row], rows: [row.id], updates: true });
  return answersTo(engine, syn).flatMap((bytes) => sectionsOf(bytes, SECTION_WANT)).flatMap(({ entries }) => entries);
}

const ROW = rowOf(5);
const NEXT = { ...ROW, heartbeat: 77, value: "07" };

describe("rowCheck", () => {
  it("another octet of the address or port, or another revision within 255, gives another check", () => {
    fc.assert(fc.property(
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 7, maxLength: 7 }), fc.nat(0xffffffff),
      fc.nat(6), fc.integer({ min: 1, max: 255 }),
      (octets, heartbeat, at, by) => {
        const check = ([a, b, c, d, p, q, revision]: number[]): number => (
          rowCheck((((a * 256 + b) * 256 + c) * 256 + d), p * 256 + q, revision, heartbeat)
        );
        const other = octets.with(at, (octets[at] + by) % 256);
        assert.notEqual(check(octets), check(other));
      },
    ), propertyOptions(1000));
  });

  it("of changes of two octets hardly one in 256 stays the same in a statement, and in the next one", () => {
    let once = 0;
    let twice = 0;
    const isSame = (address: number, heartbeat: number): boolean => (
      rowCheck(address, 5000, 1, heartbeat) === rowCheck(0xc0a80105, 5000, 1, heartbeat)
    );
    for (let address = 0x0a000000; address < 0x0a010000; address++) {
      once += isSame(address, 100) ? 1 : 0;
      twice += isSame(address, 100) && isSame(address, 163) ? 1 : 0;
    }
    assert.ok(once <= 256, `${once} of 65,536`);
    assert.ok(twice <= 16, `${twice} of 65,536`);
  });
});

describe("Rows with a check", () => {
  it("a node completes one from the row that it holds, and wants nothing", () => {
    const engine = nodeWith(10, true);
    assert.deepEqual(wantedAfter(engine, NEXT), []);
    const { id, revision, heartbeat, state } = NEXT;
    assert.deepEqual(held(engine.rows, id), { id, revision, heartbeat, state, value: [7] });
    assert.ok(engine.rows.isAt(engine.rows.find(id), ROW.address, PORT));
  });

  it("a node wants the row of a node that it does not hold, that moved, or that started again", () => {
    for (const row of [rowOf(90), { ...NEXT, address: ROW.address + 1 }, { ...NEXT, revision: ROW.revision + 1 }]) {
      const engine = nodeWith(10, true);
      const before = held(engine.rows, row.id);
      assert.deepEqual(wantedAfter(engine, row), [row.id]);
      assert.deepEqual(held(engine.rows, row.id), before);
    }
  });

  it("a node wants none for which its table has no place", () => {
    const engine = nodeWith(1199, true);
    assert.deepEqual(wantedAfter(engine, rowOf(2000)), []);
    assert.deepEqual(wantedAfter(engine, { ...NEXT, revision: 4 }), [ROW.id]);
  });

  it("a node that sees another one at another address than the sender does not want the statement again", () => {
    const engine = nodeWith(10, true);
    assert.deepEqual(wantedAfter(engine, { ...ROW, address: ROW.address + 1 }), []);
    assert.ok(engine.rows.isAt(engine.rows.find(ROW.id), ROW.address, PORT));
  });

  it("a node wants its own row if the sender sees it at another address", () => {
    const engine = nodeWith(10, true);
    const own = {
      ...peerRow, id: 1, address: engine.rows.address(OWN_SLOT), revision: engine.revision(),
      heartbeat: engine.rows.heartbeat(OWN_SLOT),
    };
    assert.deepEqual(wantedAfter(engine, own), []);
    assert.deepEqual(wantedAfter(engine, { ...own, address: own.address + 1 }), [1]);
  });

  it("updates have one if their nodes made a statement since they are held, and are not urgent", () => {
    const engine = nodeWith(10, true);
    const slots = [1, 2, 3].map((i) => engine.rows.find(rowOf(i).id));
    engine.rows.setFlag(slots[0], FLAG_CONFIRMED);
    engine.rows.markUpdate(slots[0]);
    engine.rows.setFlag(slots[1], FLAG_CONFIRMED);
    const ports = (counter = 1): number[] => answersTo(engine, frameOf({ counter }))
      .flatMap((bytes) => sectionsOf(bytes, SECTION_ROWS))
      .flatMap(({ entries }) => (entries as VectorRow[]).map(({ port }) => port));
    const [first] = ports();
    assert.ok(first >= CHECKED);
    engine.rows.setTransmitsLeft(slots[0], 0);
    engine.rows.setState(slots[1], SUSPECT);
    engine.rows.markUrgentUpdate(slots[1]);
    engine.rows.markUpdate(slots[2]);
    assert.deepEqual(ports(2), [PORT, PORT]);
  });
});
