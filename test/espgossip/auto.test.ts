import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { Engine, FLAG_PROBED, type NodeEngine, OWN_SLOT } from "../../src/engine/index.js";
import { FLAG_FOREIGN } from "../../src/engine/table/rows.js";
import { AutoEngine } from "../../src/espgossip/auto.js";
import type { AutoOptions } from "../../src/espgossip/options.js";
import { propertyOptions } from "../support/random.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT, ROUND_MS } from "../support/engine-options.js";
import { Driven, OWN, boardOptions, bytesOfText, rowIn } from "./support.js";

const BOARD = "192.168.0.60";
const COMPACT = "192.168.0.70";
const COMPACT_ID = 70;

/** The bridge tells boards of rows when no row came to their table for 3 rounds. */
const CALM_MS = 4 * ROUND_MS;

function bridge(): Driven<AutoEngine> {
  return new Driven(new AutoEngine(boardOptions({ id: 53 }), {})).start(2);
}

function board(more: object = {}): object {
  return { revision: 4, heartbeat: 1000, state: 0, data: { temp: 21 }, ...more };
}

/** A compact node and a bridge on one network, and a board that the test plays. */
class Pair {
  readonly bridge: AutoEngine;
  private readonly network = new EngineNetwork<NodeEngine>();

  constructor(options: AutoOptions = {}) {
    this.bridge = new AutoEngine(boardOptions({ id: 53 }), options);
    const compact = new Engine(boardOptions({ id: COMPACT_ID, address: parseAddress(COMPACT) }));
    compact.addSeed(parseAddress(OWN), PORT);
    this.network.start(parseAddress(OWN), this.bridge, 2);
    this.network.start(parseAddress(COMPACT), compact, 3);
    this.publish(5);
    this.hear({ type: "ACK", [BOARD]: board() });
    // Until the bridge has seen that the table of boards no longer grows.
    this.run(6);
  }

  run(rounds: number): void {
    this.network.run(rounds * ROUND_MS);
  }

  /** The compact node shares a CBOR integer below 24. */
  publish(value: number): void {
    this.network.publish(parseAddress(COMPACT), [value]);
  }

  /** The bridge receives a datagram from the board. */
  hear(datagram: object): void {
    this.network.deliver(parseAddress(OWN), parseAddress(BOARD), bytesOfText(JSON.stringify(datagram)));
  }

  /** What the bridge sends a board that holds nothing but its own row. */
  sentToBoard(): Record<string, { revision: number; heartbeat: number; state: number; data?: unknown }> {
    this.network.sent.length = 0;
    this.hear({ type: "SYN", [BOARD]: board() });
    const { bytes } = this.network.sent.find((sent) => sent.to === parseAddress(BOARD) && sent.bytes[0] === 0x7b)!;
    return JSON.parse(Buffer.from(bytes).toString()) as ReturnType<Pair["sentToBoard"]>;
  }
}

describe("AutoEngine", () => {
  it("the bridge probes an unknown seed in both dialects", () => {
    const driven = bridge();
    driven.engine.addSeed(parseAddress(BOARD), PORT);
    driven.run(ROUND_MS);
    const first = driven.sent.filter(({ to }) => to === BOARD).map(({ bytes }) => bytes[0]);
    assert.deepEqual([...new Set(first)].sort(), [0x7b, 0xc1]);
  });

  it("the bridge marks its JSON by a space after the brace", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "SYN", [BOARD]: board() });
    assert.ok(driven.sent[0].text.startsWith('{ "'));
  });

  it("the bridge answers a board in JSON, and gives compact nodes the board's own statement", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "SYN", [BOARD]: board() });
    assert.deepEqual(driven.takeJson(BOARD), [{ type: "ACK" }]);
    driven.run(CALM_MS);
    driven.takeJson();
    driven.hear(BOARD, { type: "SYN", [BOARD]: board() });
    const [answer] = driven.takeJson(BOARD);
    assert.deepEqual(answer, { type: "ACK", [OWN]: { revision: 2, heartbeat: CALM_MS / 1000, state: 0 } });
    const { rows } = driven.engine;
    assert.deepEqual(rowIn(rows, parseAddress(BOARD)), board());
    assert.ok(rows.hasFlag(rows.find(parseAddress(BOARD)), FLAG_FOREIGN));
  });

  it("the bridge takes neither third parties nor senders of marked JSON for boards", () => {
    const driven = bridge();
    const thirdParty = "192.168.0.61";
    driven.hear(BOARD, { type: "SYN", [BOARD]: board(), [thirdParty]: board() });
    driven.hear("192.168.0.62", `{ "type":"ACK","192.168.0.62":${JSON.stringify(board())}}`);
    assert.equal(driven.engine.rows.count, 2);
    driven.hear(thirdParty, { type: "ACK" });
    assert.equal(driven.engine.rows.count, 3);
  });

  it("the bridge passes on a board's heartbeat every 16 rounds, and a new value at once", () => {
    const driven = bridge();
    const held = () => rowIn(driven.engine.rows, parseAddress(BOARD))?.heartbeat;
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    driven.hear(BOARD, { type: "ACK", [BOARD]: board({ heartbeat: 1159 }) });
    assert.equal(held(), 1000);
    driven.hear(BOARD, { type: "ACK", [BOARD]: board({ heartbeat: 1160 }) });
    assert.equal(held(), 1160);
    driven.hear(BOARD, { type: "ACK", [BOARD]: board({ heartbeat: 1161, data: 5 }) });
    assert.equal(held(), 1161);
  });

  it("the bridge passes on a board's silence, but not what other boards hold of it", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    driven.hear("192.168.0.61", { type: "ACK", [BOARD]: board({ state: 4 }) });
    assert.equal(rowIn(driven.engine.rows, parseAddress(BOARD))?.state, 0);
    driven.run(20 * ROUND_MS);
    assert.equal(rowIn(driven.engine.rows, parseAddress(BOARD))?.state, 3);
    driven.hear(BOARD, { type: "ACK", [BOARD]: board({ heartbeat: 2000 }) });
    assert.equal(rowIn(driven.engine.rows, parseAddress(BOARD))?.state, 0);
  });

  it("the bridge keeps a board UP that sends anything, and makes no board of a sender without good JSON", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    for (const text of ["{ not json", '{"type":"SYN","x":"C:\\"}', "?"]) {
      driven.run(10 * ROUND_MS);
      driven.hear(BOARD, text);
      driven.run(10 * ROUND_MS);
      driven.hear(BOARD, text);
      assert.equal(rowIn(driven.engine.rows, parseAddress(BOARD))?.state, 0, text);
      driven.hear("192.168.0.61", text);
    }
    assert.equal(driven.engine.rows.count, 2);
  });

  it("the bridge takes the good rows of a datagram in which one has a byte that is no UTF-8", () => {
    const driven = bridge();
    const other = "192.168.0.61";
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    driven.hear(other, { type: "ACK", [other]: board() });
    const text = JSON.stringify({ type: "SYN", [BOARD]: board({ heartbeat: 1001, data: 5 }), [other]: board({
      heartbeat: 1001, data: "\u00b0",
    }) });
    driven.hearBytes(BOARD, new Uint8Array(Buffer.from(text, "latin1")));
    assert.deepEqual(rowIn(driven.engine.rows, parseAddress(BOARD)), board({ heartbeat: 1001, data: 5 }));
    assert.deepEqual(rowIn(driven.engine.rows, parseAddress(other)), board());
  });

  it("the bridge probes a board itself before the board counts as silent", () => {
    const driven = bridge();
    for (let host = 100; host < 120; host++) driven.engine.addSeed(parseAddress(`192.168.0.${host}`), PORT);
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    driven.run(10 * ROUND_MS);
    driven.sent.length = 0;
    driven.run(3 * ROUND_MS);
    assert.ok(driven.takeJson(BOARD).length > 0);
  });

  it("boards get a compact node's row fresher each round and never suspected", () => {
    const pair = new Pair();
    const first = pair.sentToBoard()[COMPACT];
    assert.deepEqual([first.revision, first.state, first.data], [3, 0, 5]);
    pair.run(3);
    const second = pair.sentToBoard()[COMPACT];
    assert.ok(second.heartbeat > first.heartbeat && second.heartbeat <= first.heartbeat + 4);
    // A board that got no answer to its JSON says so, more than once: the answer is fresher each time.
    for (let state = 2; state <= 4; state++) {
      const { heartbeat } = pair.sentToBoard()[COMPACT];
      pair.hear({ type: "ACK", [COMPACT]: { revision: 3, heartbeat, state: state } });
      assert.deepEqual(pair.sentToBoard()[COMPACT], { revision: 3, heartbeat: heartbeat + 1, state: 0, data: 5 });
    }
    assert.equal(rowIn(pair.bridge.rows, COMPACT_ID)?.state, 0);
  });

  it("wrapPlain: boards get a table around the plain values of compact nodes, not around those of boards", () => {
    const pair = new Pair({ wrapPlain: true });
    const other = "192.168.0.61";
    pair.hear({ type: "ACK", [other]: board({ data: 7 }) });
    const told = pair.sentToBoard();
    assert.deepEqual([told[COMPACT].data, told[other].data], [{ value: 5 }, 7]);
    assert.deepEqual(new Pair().sentToBoard()[COMPACT].data, 5);
  });

  it("the bridge goes on from what boards hold of a compact node", () => {
    const pair = new Pair();
    pair.hear({ type: "ACK", [COMPACT]: { revision: 25, heartbeat: 9000, state: 4, data: "old" } });
    pair.run(4);
    const row = pair.sentToBoard()[COMPACT];
    assert.ok(row.revision === 25 && row.heartbeat > 9000 && row.state === 0);
    pair.publish(6);
    pair.run(3);
    assert.equal(pair.sentToBoard()[COMPACT].data, 6);
  });

  it("the bridge takes a revision beyond the one that boards hold of it", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "ACK", [OWN]: { revision: 30, heartbeat: 5, state: 3 } });
    assert.equal(driven.engine.revision(), 31);
  });

  it("the bridge never throws and never grows, whatever it receives", () => {
    const options = { capacity: 6, valueBytesMax: 8, datagramBytesMax: 128, seedCapacity: 2 };
    const driven = new Driven(new AutoEngine(boardOptions({ id: 53, ...options }), {})).start(2);
    const host = fc.integer({ min: 50, max: 62 }).map((last) => `192.168.0.${last}`);
    const row = fc.record({
      revision: fc.nat(3), heartbeat: fc.oneof(fc.nat(50), fc.constant(0xffffffff)), state: fc.nat(4),
      data: fc.jsonValue({ maxDepth: 2 }),
    }, { requiredKeys: ["revision", "heartbeat", "state"] });
    const json = fc.tuple(fc.constantFrom("SYN", "ACK"), fc.dictionary(host, row, { maxKeys: 12 }), fc.boolean());
    const input = fc.tuple(host, fc.oneof(json, fc.uint8Array({ maxLength: 60 })), fc.nat(20000));
    fc.assert(fc.property(input, ([from, said, waitMs]) => {
      if (said instanceof Uint8Array) {
        driven.hearBytes(from, new Uint8Array([0xc1, ...said]));
      } else {
        const [type, rows, isMarked] = said;
        driven.hear(from, `${isMarked ? "{ " : "{"}${JSON.stringify({ type, ...rows }).substring(1)}`);
      }
      driven.run(waitMs);
      assert.ok(driven.engine.rows.count <= 6);
      assert.ok(driven.sent.splice(0).every(({ bytes }) => bytes.length <= 128));
    }), propertyOptions(3000));
  });

  it("the bridge shares its value in both dialects", () => {
    const driven = bridge();
    driven.hear(BOARD, { type: "ACK", [BOARD]: board() });
    driven.run(CALM_MS);
    driven.takeJson();
    driven.publish({ temp: 1 }, parseAddress(BOARD));
    const json = driven.takeJson(BOARD);
    assert.deepEqual((json[0][OWN] as { data: unknown }).data, { temp: 1 });
    assert.deepEqual(rowIn(driven.engine.rows, 53)?.data, { temp: 1 });
    assert.equal(formatAddress(driven.engine.rows.address(OWN_SLOT)), OWN);
    assert.ok(!driven.engine.rows.hasFlag(OWN_SLOT, FLAG_PROBED));
  });
});
