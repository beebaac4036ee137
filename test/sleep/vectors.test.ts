import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Engine } from "../../src/engine/index.js";
import { TableHash, orderKey } from "../../src/engine/table/hash.js";
import { RowData, Rows } from "../../src/engine/table/rows.js";
import { valuesHash } from "../../src/engine/table/values-hash.js";
import { sleeping } from "../../src/sleep/index.js";
import { engineOptions } from "../support/engine-options.js";
import { takeDatagrams } from "../support/engine-outputs.js";

interface HashedRow { id: number; revision: number; heartbeat: number; state: number; shared: string }

const { valuesHashes, waking } = JSON.parse(
  readFileSync(new URL("../vectors/sleep.json", import.meta.url), "utf8"),
) as {
  valuesHashes: { name: string; rows: HashedRow[]; hash: string }[];
  waking: { sleeper: HashedRow & { seconds: number }; peer: HashedRow; syn: string; ack: string };
};

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function hexOf(first: number, second: number): string {
  return [first, second].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** By PROTOCOL.md 3.2, apart from the library's own loop. */
function expectedHash(rows: HashedRow[]): string {
  const sum = new TableHash();
  for (const { id, revision, state, shared } of rows) {
    if (state === 4) continue;
    const bytes = bytesOf(shared);
    const value = bytes.reduce((hash, byte) => orderKey((hash ^ byte) >>> 0), bytes.length);
    sum.add(id, revision, value, state === 1 ? 0 : state);
  }
  return hexOf(sum.first, sum.second);
}

describe("vectors of sleep", () => {
  for (const { name, rows, hash } of valuesHashes) {
    it(`the values hash: ${name}`, () => {
      const table = new Rows(8, 32);
      const data = new RowData();
      for (const { id, revision, heartbeat, state, shared } of rows) {
        const bytes = bytesOf(shared);
        Object.assign(data, {
          id, revision, heartbeat, state: state === 6 ? 0 : state, backSeconds: state === 6 ? 60 : -1,
          address: id, port: 5000, valueStart: 0, valueLength: bytes.length,
        });
        table.merge(data, bytes);
      }
      const before = [table.tableHash.first, table.tableHash.second];
      assert.equal(hexOf(valuesHash(table, false), valuesHash(table, true)), hash);
      assert.equal(expectedHash(rows), hash);
      assert.deepEqual([table.tableHash.first, table.tableHash.second], before, "the table hash stays");
    });
  }

  it("a waking with nothing new", () => {
    const { sleeper, peer } = waking;
    const nodes = [sleeper, peer].map(({ id, revision, shared }) => {
      const engine = new Engine(engineOptions({ id, address: id, sleeper: sleeping().engineSleeper() }));
      const value = bytesOf(shared);
      engine.publish(0, value, value.length, 0, 0);
      engine.addSeed((id === sleeper.id ? peer : sleeper).id, 5000);
      engine.start(0, revision, true);
      takeDatagrams(engine);
      return engine;
    });
    const [own, other] = nodes;
    const exchange = (nowMs: number): string[] => {
      const sent: string[] = [];
      let waiting = takeDatagrams(own).map(({ bytes }) => ({ from: own, bytes }));
      while (waiting.length > 0) {
        const [{ from, bytes }] = waiting;
        const to = from === own ? other : own;
        sent.push(Buffer.from(bytes).toString("hex"));
        to.receive(nowMs, from === own ? sleeper.id : peer.id, 5000, bytes.slice(), bytes.length);
        waiting = [...waiting.slice(1), ...takeDatagrams(to).map((next) => ({ from: to, bytes: next.bytes }))];
      }
      return sent;
    };
    own.tick(5000);
    exchange(5000);
    own.sleep(10000, sleeper.seconds);
    exchange(10000);
    own.sleep(11000, sleeper.seconds);
    const [syn, ack, ...others] = exchange(11000);
    assert.deepEqual({ syn, ack, others }, {
      syn: waking.syn.replaceAll(" ", ""), ack: waking.ack.replaceAll(" ", ""), others: [],
    });
    assert.ok(own.sleeper!.isQuiet);
    assert.ok(other.rows.isAsleep(other.rows.find(sleeper.id)));
    assert.equal(other.rows.heartbeat(other.rows.find(sleeper.id)), sleeper.heartbeat);
  });
});
