import assert from "node:assert/strict";
import { parseAddress } from "../../src/engine/wire/address.js";
import {
  DROP_BACKSLASH, DROP_ECHO, DROP_ROW, DROP_TABLE_FULL, DROP_VALUE, DROP_VALUE_TOO_LARGE,
} from "../../src/engine/wire/drops.js";
import { OWN_SLOT } from "../../src/engine/index.js";
import { EspGossipEngine } from "../../src/espgossip/engine.js";
import type { EspGossipOptions } from "../../src/espgossip/options.js";
import { ROUND_MS } from "../support/engine-options.js";
import { Driven, OWN, bytesOfText, boardOptions, rowIn } from "./support.js";

const PEER = "192.168.0.54";

function node(improved: EspGossipOptions = {}, options = {}): Driven<EspGossipEngine> {
  return new Driven(new EspGossipEngine(boardOptions(options), improved, false)).start(5);
}

function peerRow(more: object = {}): object {
  return { revision: 1, heartbeat: 10, state: 0, ...more };
}

function host(index: number): string {
  return `10.1.${index >> 8}.${index & 255}`;
}

/** A node that knows so many others. */
function crowded(count: number, options = {}): Driven<EspGossipEngine> {
  const driven = node({}, { capacity: 200, ...options });
  for (let i = 1; i <= count; i++) driven.hear(host(i), { type: "ACK", [host(i)]: peerRow({ data: i }) });
  driven.sent.length = 0;
  return driven;
}

describe("EspGossipEngine", () => {
  it("the engine throws without its own address", () => {
    assert.throws(() => new EspGossipEngine(boardOptions({ address: 0 }), {}, false), /own|node's IPv4 address/);
  });

  it("the engine sends a SYN each round, for ever", () => {
    const driven = node();
    driven.run(100 * ROUND_MS);
    assert.equal(driven.sent.length, 100);
    assert.ok(driven.sent.every(({ to }) => to === "255.255.255.255"));
  });

  it("the engine does not answer its own broadcast", () => {
    const driven = node();
    driven.hear(OWN, { type: "SYN", [OWN]: peerRow() });
    assert.deepEqual(driven.sent, []);
    assert.equal(driven.engine.stats.drops(DROP_ECHO), 1);
  });

  it("the engine merges the good rows of a datagram and counts the others", () => {
    const driven = node({ refuseNegative: true }, { valueBytesMax: 4 });
    driven.hear(PEER, {
      type: "ACK", [PEER]: peerRow(), "10.0.0.1": peerRow({ heartbeat: -1 }), "x": peerRow(),
      "10.0.0.2": peerRow({ data: "longer than that" }), "10.0.0.3": {},
    });
    assert.equal(driven.engine.rows.count, 2);
    assert.equal(driven.engine.stats.drops(DROP_ROW), 2);
    assert.equal(driven.engine.stats.drops(DROP_VALUE_TOO_LARGE), 1);
  });

  it("the engine refuses rows for which it has no room, and notifies of that once", () => {
    const driven = node({}, { capacity: 3 });
    for (let i = 1; i < 6; i++) driven.hear(host(i), { type: "ACK", [host(i)]: peerRow() });
    assert.equal(driven.engine.rows.count, 3);
    assert.equal(driven.engine.stats.drops(DROP_TABLE_FULL), 3);
    assert.equal(driven.events.filter(({ kind }) => kind === 4).length, 1);
  });

  it("the engine refuses a row for a byte that is no UTF-8, and merges the others", () => {
    const driven = node();
    const text = JSON.stringify({
      type: "ACK", "10.0.0.1": peerRow({ data: 1 }), "10.0.0.2": peerRow({ data: "21\u00b0C" }),
      "10.0.0.3": peerRow({ data: 3 }),
    });
    driven.hearBytes(PEER, new Uint8Array(Buffer.from(text, "latin1")));
    const held = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((name) => rowIn(driven.engine.rows, parseAddress(name)));
    assert.deepEqual(held, [peerRow({ data: 1 }), undefined, peerRow({ data: 3 })]);
    assert.equal(driven.engine.stats.drops(DROP_VALUE), 1);
  });

  it("the engine sends a slash in place of each backslash, and counts the rows", () => {
    const driven = node();
    driven.hear(PEER, { type: "ACK", [PEER]: peerRow({ data: "\\q" }) });
    driven.publish({ "a\\b": 'C:\\"\\\\\n\u0001\\', plain: "/" });
    assert.equal(driven.engine.stats.drops(DROP_BACKSLASH), 2);
    const { text } = driven.sent[0];
    assert.ok(!text.includes("\\\\"), text);
    const [told] = driven.takeJson();
    assert.deepEqual((told[OWN] as { data: unknown }).data, { "a/b": 'C:/"//\n\u0001/', plain: "/" });
    assert.deepEqual((told[PEER] as { data: unknown }).data, "/q");
    driven.publish({ text: 'a "quoted" text\n' });
    driven.hear(PEER, { type: "SYN", [PEER]: peerRow({ heartbeat: 11 }) });
    assert.equal(driven.engine.stats.drops(DROP_BACKSLASH), 3, "counted again with the row of the peer, not the own");
  });

  it("the engine goes on when its clock wraps", () => {
    const driven = new Driven(new EspGossipEngine(boardOptions(), {}, false));
    driven.engine.start(0xffffff00, 0, true);
    const before = driven.engine.rows.heartbeat(OWN_SLOT);
    driven.engine.tick(20000);
    assert.equal(driven.engine.rows.heartbeat(OWN_SLOT), before + 20);
  });
});

describe("EspGossipEngine: improvements over the reference", () => {
  function asked(improved: EspGossipOptions): Driven<EspGossipEngine> {
    const driven = node(improved);
    driven.hear(PEER, { type: "ACK", [PEER]: peerRow() });
    driven.run(3 * ROUND_MS);
    assert.equal(rowIn(driven.engine.rows, parseAddress(PEER))?.state, 3);
    return driven;
  }

  it("needDecoding: only JSON that decodes, or a compact frame, is a sign of life", () => {
    for (const [improved, text, state] of [
      [{}, "{ not json", 0], [{ needDecoding: true }, "{ not json", 3], [{ needDecoding: true }, '{"type":"ACK"}', 0],
    ] as const) {
      const driven = asked(improved);
      driven.hear(PEER, text);
      assert.equal(rowIn(driven.engine.rows, parseAddress(PEER))?.state, state);
    }
    const driven = asked({ needDecoding: true });
    driven.hearBytes(PEER, Uint8Array.of(0xc1, 1));
    assert.equal(rowIn(driven.engine.rows, parseAddress(PEER))?.state, 0);
  });

  it("recover: the node goes beyond the revision that others hold of it", () => {
    for (const [improved, claim, revision] of [
      [{}, { revision: 9, heartbeat: 1, state: 0 }, 5],
      [{ recover: true }, { revision: 9, heartbeat: 1, state: 0 }, 10],
      [{ recover: true }, { revision: 4294967295, heartbeat: 1, state: 0 }, 5],
    ] as const) {
      const driven = node(improved);
      driven.hear(PEER, { type: "ACK", [OWN]: claim });
      assert.equal(driven.engine.revision(), revision);
    }
    const driven = node({ recover: true });
    driven.hear(PEER, { type: "ACK", [OWN]: { revision: 5, heartbeat: 700, state: 3 } });
    assert.equal(driven.engine.rows.heartbeat(OWN_SLOT), 701);
  });

  it("wrapPlain: the node's value gets a table, if it is none", () => {
    for (const [value, data] of [
      [21.5, { value: 21.5 }], ["x", { value: "x" }], [null, { value: null }], [{ temp: 1 }, { temp: 1 }], [[1], [1]],
      [undefined, undefined],
    ]) {
      const driven = node({ wrapPlain: true });
      driven.hear(PEER, { type: "ACK", [PEER]: peerRow({ data: 3 }) });
      driven.publish(value);
      const [told] = driven.takeJson();
      assert.deepEqual((told[OWN] as { data?: unknown }).data, data);
      assert.equal((told[PEER] as { data?: unknown }).data, 3);
    }
  });

  it("riseWithValue: two values in one second have different heartbeats", () => {
    for (const [improved, heartbeats] of [[{}, [0, 0]], [{ riseWithValue: true }, [1, 2]]] as const) {
      const driven = node(improved);
      driven.publish(1);
      driven.publish(2);
      const told = driven.takeJson().map((datagram) => (datagram[OWN] as { heartbeat: number }).heartbeat);
      assert.deepEqual(told, heartbeats);
    }
  });
});

describe("EspGossipEngine: a state beyond one datagram", () => {
  it("the state goes out in parts, one per datagram, until all rows were sent", () => {
    for (const [count, datagramBytesMax, datagrams] of [[20, 1472, 1], [60, 1200, 4], [150, 1200, 4], [24, 512, 4]]) {
      const driven = crowded(count, { datagramBytesMax });
      const seen = new Set<string>();
      for (let round = 0; round < 4; round++) {
        driven.sent.length = 0;
        driven.run(ROUND_MS);
        assert.ok(driven.sent.length <= datagrams);
        assert.ok(driven.sent.every(({ bytes }) => bytes.length <= datagramBytesMax));
        assert.equal(new Set(driven.sent.map(({ to }) => to)).size, 1);
        for (const datagram of driven.takeJson()) {
          assert.equal(datagram.type, "SYN");
          assert.ok(OWN in datagram);
          for (const name of Object.keys(datagram)) seen.add(name);
        }
        if (datagrams === 1) break;
      }
      assert.equal(seen.size, count + 2, `${count} rows in ${datagramBytesMax} bytes`);
    }
  });

  it("a SYN in parts counts once against the peer", () => {
    const driven = crowded(60);
    driven.run(ROUND_MS);
    const states = Array.from({ length: 60 }, (_, i) => rowIn(driven.engine.rows, parseAddress(host(i + 1)))?.state);
    assert.equal(states.reduce((sum, state) => (sum ?? 0) + (state ?? 0), 0), 1);
  });

  it("the answer leaves out rows that a part does not cover, and has those that it should have", () => {
    const sender = crowded(60);
    sender.run(ROUND_MS);
    const receiver = crowded(60);
    for (const { bytes } of sender.sent) receiver.hearBytes(OWN.replace("53", "99"), bytes);
    assert.ok(sender.sent.length > 1);
    for (const answer of receiver.takeJson()) assert.ok(Object.keys(answer).length <= 2, JSON.stringify(answer));
    // What lies between the rows of a part is missed: the sender does not have it.
    const update = crowded(61);
    for (const { bytes } of sender.sent) update.hearBytes(OWN.replace("53", "99"), bytes);
    assert.ok(update.takeJson().some((answer) => host(61) in answer));
  });

  it("the engine answers in several ACKs", () => {
    const driven = crowded(60);
    driven.hear(PEER, { type: "SYN", [PEER]: peerRow() });
    const answers = driven.takeJson();
    assert.ok(answers.length > 1 && answers.every(({ type }) => type === "ACK"));
    assert.equal(new Set(answers.flatMap((answer) => Object.keys(answer))).size, 62);
  });

  it("the engine leaves out a row that fits no datagram, and sends its own row without data", () => {
    const driven = node({}, { datagramBytesMax: 128 });
    driven.hear(PEER, { type: "ACK", [PEER]: peerRow({ data: "x".repeat(200) }) });
    driven.sent.length = 0;
    driven.publish("y".repeat(100));
    assert.deepEqual(driven.takeJson(), [{ type: "SYN", [OWN]: { revision: 5, heartbeat: 0, state: 0 } }]);
  });

  it("the engine never throws, whatever it receives", () => {
    const driven = crowded(60);
    for (const text of ['{"type":"SYN"}', '{"type":"ACK"}', "{", "", '{"type":"SYN","a":1,"1.1.1.1":2}']) {
      driven.hearBytes(PEER, bytesOfText(text));
    }
    assert.equal(driven.engine.rows.count, 61);
  });
});
