import assert from "node:assert/strict";
import { TYPE_ACK } from "../../../src/engine/wire/frame.js";
import { Outbox, outboxWords } from "../../../src/engine/reconcile/outbox.js";
import { MERGED_FRESHER, RowData } from "../../../src/engine/table/rows.js";
import { DOWN, UP } from "../../../src/engine/table/states.js";
import { UPDATE_URGENT } from "../../../src/engine/table/transmits.js";
import { WordPool } from "../../../src/engine/word-pool.js";
import { read, tableOf } from "../wire/frame-support.js";

const DATAGRAM_BYTES_MAX = 128;
/** So many that are not urgent ride along. */
const UPDATES = 8;

describe("Outbox: rows to send", () => {
  it("a frame has no more rows than the table, even if a listed slot went to another node", () => {
    const held = [1, 2, 3].map((id) => ({
      id, address: 0xc0a80000 + id, port: 5000, revision: 1, heartbeat: 1, state: id === 3 ? DOWN : UP, value: "",
    }));
    const words = outboxWords(DATAGRAM_BYTES_MAX, held.length);
    const rows = tableOf(held, words);
    const pool = new WordPool(words, rows.words);
    const outbox = new Outbox(rows, DATAGRAM_BYTES_MAX, undefined, pool);
    const out = { bytes: new Uint8Array(DATAGRAM_BYTES_MAX), length: 0, address: 0, port: 0 };
    outbox.clear();
    for (const { id } of held) outbox.send(rows.find(id));
    const newcomer = Object.assign(new RowData(), { ...held[0], id: 4, address: 0xc0a80004 });
    assert.equal(rows.merge(newcomer, new Uint8Array(0)), MERGED_FRESHER);
    outbox.send(rows.find(4));
    outbox.addAnswer(TYPE_ACK, 0xc0a80063, 5000, 0, false, 1, 99);
    assert.ok(outbox.next(out));
    const frame = read(out.bytes, out.length) as { sections: { entries: { id: number }[] }[] };
    assert.deepEqual(frame.sections[0].entries.map(({ id }) => id), [1, 2, 4]);
    assert.equal(outbox.next(out), false);
  });
});

describe("Outbox: updates", () => {
  /** Ids of the rows in a SYN of a node that has 20 rows. */
  function idsInSyn(mark: (rows: ReturnType<typeof tableOf>) => void): number[] {
    const words = outboxWords(DATAGRAM_BYTES_MAX, 20);
    const rows = tableOf(Array.from({ length: 20 }, (_, i) => ({
      id: i + 1, address: 0xc0a80001 + i, port: 5000, revision: 1, heartbeat: 1, state: 0, value: "",
    })), words);
    mark(rows);
    const pool = new WordPool(words, rows.words);
    const outbox = new Outbox(rows, DATAGRAM_BYTES_MAX, undefined, pool);
    const out = { bytes: new Uint8Array(DATAGRAM_BYTES_MAX), length: 0, address: 0, port: 0 };
    outbox.clear();
    outbox.addSyn(0xc0a80063, 5000, 0, 0);
    assert.ok(outbox.next(out));
    const frame = read(out.bytes, out.length) as { sections: { entries: { id: number }[] }[] };
    return frame.sections[0].entries.map(({ id }) => id);
  }

  for (const urgent of [3, 11, 20]) {
    it(`a SYN has the urgent update first, row ${urgent}`, () => {
      const ids = idsInSyn((rows) => {
        for (let id = 1; id <= UPDATES; id++) rows.markUpdate(rows.find(id));
        rows.markUrgentUpdate(rows.find(urgent));
      });
      assert.equal(ids[0], urgent);
      assert.ok(ids.length > 3, `${ids.length} rows`);
    });
  }

  it("a SYN has the updates that were sent least often first", () => {
    const ids = idsInSyn((rows) => {
      for (let id = 1; id <= UPDATES; id++) {
        rows.markUpdate(rows.find(id));
        if (id !== 3 && id !== 7) rows.countTransmit(rows.find(id));
      }
    });
    assert.deepEqual(ids.slice(0, 2).sort((a, b) => a - b), [3, 7]);
  });

  it("a SYN leaves out what went out three times, unless it is urgent", () => {
    const ids = idsInSyn((rows) => {
      // Of 20 rows, an update has 5 transmits.
      rows.setTransmitsLeft(rows.find(4), 3);
      rows.setTransmitsLeft(rows.find(5), 2);
      rows.setTransmitsLeft(rows.find(6), UPDATE_URGENT + 1);
    });
    assert.deepEqual(ids, [6, 4]);
  });
});
