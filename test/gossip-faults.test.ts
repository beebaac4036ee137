import assert from "node:assert/strict";
import { Sha256 } from "../src/digest/sha256.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip, type GossipErrorCode, MinMax, minMax } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import { FakeNetwork, FakeNode, frameHex, rowHex, rowsHex, single, started } from "./support/fake-platform.js";

const OWN_ID = 0xc0a80035;
const STRANGER = 7;
/** In the order of PROTOCOL.md, section 3.3. */
const REASONS = [
  "magic", "version", "type", "length", "section", "row", "value", "echo", "idConflict", "stale", "tableFull",
  "valueTooLarge", "unasked", "unsealed", "seal", "replay", "unproven", "event", "fork", "gap", "duplicate",
  "oldGeneration", "arenaFull", "network", "backslash", "untrusted", "signature",
];
/** An object of 12 bytes, as short as JSON of a board can be. */
const JSON_HEX = "7b" + "20".repeat(10) + "7d";

function syn(sections: string, id = STRANGER): string {
  return frameHex(1, id, 0, 1, sections);
}

/** A SYN of a stranger with a row in it that the node does not know yet. */
const update = syn(rowsHex(rowHex(STRANGER, 99, "00", "05", "182a")));

describe("Gossip: stats", () => {
  it("stats() counts what was received and sent", () => {
    const { network, node } = started();
    node.arrive(update);
    node.arrive("7b7d");
    network.run(60000);
    const { drops, ...traffic } = node.gossip.stats();
    assert.deepEqual(traffic, {
      datagramsSent: node.socket.sent.length,
      bytesSent: node.socket.sent.reduce((sum, { hex }) => sum + hex.length / 2, 0),
      datagramsReceived: 2,
      bytesReceived: update.length / 2 + 2,
      sendFailures: 0,
      valuesTooLong: 0,
      clock: "none",
      removalsForgotten: 0,
      valuesForgotten: 0,
    });
    assert.deepEqual(drops, { ...Object.fromEntries(REASONS.map((reason) => [reason, 0])), magic: 1 });
    assert.deepEqual(Object.keys(drops), REASONS);
  });

  const row = rowHex(9, 9, "00", "01");
  const junk: [reason: string, hex: string, why: string][] = [
    ["length", "", "no bytes"], ["length", "c1", "one byte"], ["length", update.slice(0, 20), "cut in the head"],
    ["length", syn("08"), "cut in a section's head"],
    ["length", syn("0804000000"), "a section longer than the rest"],
    ["length", frameHex(2, STRANGER, 0, 1, ""), "an ACK to nothing"],
    ["magic", JSON_HEX, "JSON"], ["magic", "00", "another first byte"],
    ["version", "c2" + update.slice(2), "version 2"], ["version", "c0", "version 0"],
    ["type", frameHex(0, STRANGER, 0, 1, ""), "type 0"],
    ["network", frameHex(9, STRANGER, 0, 1, ""), "an octet of a network"],
    ["unsealed", frameHex(0x11, STRANGER, 0, 1, ""), "sealed"],
    ["type", frameHex(0x23, STRANGER, 0, 1, "01"), "flag of a SYN"],
    ["section", syn("080400000009080400000009"), "WANT twice"],
    ["section", syn(rowsHex(row) + "0800"), "WANT after ROWS"],
    ["section", syn("0000"), "tag 0"],
    ["section", syn("0803000000"), "half an id"],
    ["section", syn(rowsHex(row.slice(0, -2))), "a cut row"],
    ["section", syn("1800"), "DIGEST without a range"],
    ["row", syn(rowsHex(rowHex(9, 9, "00", "01", "", 7))), "state 7"],
    ["row", syn(rowsHex("00", "00")), "the sender's own row twice"],
    ["row", syn(rowsHex("b0" + row.slice(2) + "0101")), "a value and none"],
    ["row", syn(rowsHex("30" + row.slice(2) + "00")), "a value of no bytes"],
    ["value", syn(rowsHex(rowHex(9, 9, "00", "01", "ff"))), "no CBOR"],
    ["value", syn(rowsHex(row, rowHex(10, 9, "00", "01", "1801"))), "not the shortest form"],
    ["idConflict", frameHex(1, OWN_ID, 0, 1, ""), "a frame under its id"],
    ["unasked", frameHex(2, STRANGER, 0, 1, "7f"), "an ACK to a counter not used"],
    ["unasked", frameHex(3, STRANGER, 0, 1, "00" + rowsHex(row)), "a DIFF to counter 0"],
  ];
  for (const [reason, hex, why] of junk) {
    it(`stats() counts ${why} as ${reason}, and nothing else happens`, () => {
      const { network, node } = started();
      network.run(5000);
      const sent = node.socket.sent.length;
      const rows = node.gossip.rows();
      node.arrive(hex);
      const { drops } = node.gossip.stats();
      assert.deepEqual(Object.entries(drops).filter(([, count]) => count > 0), [[reason, 1]]);
      // JSON is answered by the head of a SYN, a sign of life.
      assert.equal(node.socket.sent.length, sent + (hex.startsWith("7b") ? 1 : 0));
      assert.deepEqual(node.gossip.rows(), rows);
      const errors = ["idConflict", "network"].includes(reason) ? [reason] : reason === "unsealed" ? ["seal"] : [];
      assert.deepEqual([node.updates, node.states, node.errors.map(([code]) => code)], [[], [], errors]);
    });
  }

  it("stats() counts the node's own frame as echo, from any address", () => {
    const { network, node } = started();
    network.run(5000);
    for (const address of ["192.168.0.53", "192.168.0.99"]) node.arrive(node.socket.sent.at(-1)!.hex, address);
    assert.equal(node.gossip.stats().drops.echo, 2);
    assert.deepEqual(node.errors, []);
  });

  it("stats() counts values that are too long, and their rows are held without them", () => {
    const { node } = started({ valueBytesMax: 4 });
    const tooLong = rowHex(9, 9, "00", "01", "44" + "00".repeat(4));
    node.arrive(syn(rowsHex(tooLong, rowHex(10, 10, "00", "01", "43" + "00".repeat(3)))));
    assert.equal(node.gossip.stats().drops.valueTooLarge, 1);
    assert.equal(node.gossip.stats().valuesTooLong, 1);
    const held = node.gossip.rows().map(({ id, data }) => [id, data === undefined]);
    assert.deepEqual(held, [[9, true], [10, false], [OWN_ID, true]]);
    assert.deepEqual(node.errors, []);
  });

  it("stats() counts frames of an earlier start, and the node answers them with the current row", () => {
    const { node } = started();
    node.arrive(frameHex(1, STRANGER, 3, 1, rowsHex(rowHex(STRANGER, 99, "03", "05"))));
    node.arrive(frameHex(1, STRANGER, 2, 1, rowsHex(rowHex(9, 9, "00", "01"))));
    assert.equal(node.gossip.stats().drops.stale, 1);
    assert.equal(node.gossip.rows().length, 2);
    assert.deepEqual(node.socket.sent.map(({ type }) => type), ["ACK", "ACK"]);
  });
});

describe("Gossip: what goes wrong", () => {
  it("the node counts datagrams that can't be sent and reports the first", () => {
    const { network, node } = started();
    node.socket.sendError = new Error("no route");
    network.run(60000);
    const { sendFailures, datagramsReceived } = node.gossip.stats();
    assert.ok(sendFailures > 3);
    assert.equal(sendFailures, node.calls.filter((call) => call === "send SYN").length);
    assert.deepEqual(node.errors, [["send", "no route"]]);
    assert.equal(datagramsReceived, 0);
    node.socket.sendError = undefined;
    network.run(60000);
    assert.ok(node.socket.sent.length > 0, "went on");
  });

  it("the node reports another device under its id once", () => {
    const { node } = started();
    for (let i = 0; i < 3; i++) node.arrive(frameHex(1, OWN_ID, 0, 100, ""));
    assert.deepEqual(node.errors.map(([code]) => code), ["idConflict"]);
    assert.match(node.errors[0][1], /3232235573/);
    assert.equal(node.gossip.stats().drops.idConflict, 3);
  });

  it("the node reports a table that is full once, and keeps its live rows", () => {
    const { node } = started({ capacity: 2 });
    node.arrive(update);
    for (let id = 8; id < 12; id++) node.arrive(frameHex(1, STRANGER, 0, 2, rowsHex(rowHex(id, id, "00", "01"))));
    assert.deepEqual(node.errors.map(([code]) => code), ["tableFull"]);
    assert.match(node.errors[0][1], /capacity is 2/);
    assert.equal(node.gossip.stats().drops.tableFull, 4);
    assert.deepEqual(node.gossip.rows().map(({ id }) => id), [STRANGER, OWN_ID]);
  });

  it("the node passes on errors of a bound socket, and never throws them", () => {
    const { node } = started();
    node.socket.fail(new Error("address in use"));
    assert.deepEqual(node.errors, [["socket", "address in use"]]);
    const network = new FakeNetwork();
    const { socket, clock } = new FakeNode(network, "192.168.0.53");
    new Gossip({ socket, clock }).start();
    assert.doesNotThrow(() => socket.fail(new Error("address in use")));
  });

  for (const withOnError of [true, false]) {
    it(`start() throws what bind throws and can be called again, ${withOnError ? "with" : "without"} onError`, () => {
      const { network, node } = single();
      const { socket, clock, storage, errors } = node;
      const onError = (code: GossipErrorCode, error: Error) => errors.push([code, error.message]);
      const gossip = new Gossip({ socket, clock, storage, ...withOnError && { onError } });
      const inUse = new Error("address in use");
      socket.bindError = inUse;
      assert.throws(() => gossip.start(), (error) => error === inUse);
      assert.deepEqual([storage.revision, errors, socket.sent.length, clock.timers], [undefined, [], 0, 0]);
      socket.bindError = undefined;
      gossip.start();
      network.run(20000);
      assert.equal(storage.revision, 0);
      assert.ok(socket.sent.length > 0);
    });
  }

  it("a node whose start failed at the port restores its events once", () => {
    const { node } = single();
    const { socket, clock } = node;
    const storage = new MemoryStorage(new MemoryLog());
    const first = new Gossip({ socket, clock, storage, events: eventFeeds(), digest: new Sha256() });
    first.start();
    first.log("door", "open");
    first.close();
    const seen: unknown[] = [];
    const events = eventFeeds({ onEvent: ({ value }) => seen.push(value) });
    const again = new Gossip({ socket, clock, storage, events, digest: new Sha256() });
    socket.bindError = new Error("address in use");
    assert.throws(() => again.start(), /address in use/);
    socket.bindError = undefined;
    again.start();
    again.log("door", "shut");
    assert.deepEqual(again.events().map(({ value }) => value), ["open", "shut"]);
    assert.deepEqual(seen, ["open", "shut"]);
  });

  const boom = () => {
    throw new Error("boom");
  };
  const throwing = {
    onUpdate: { onUpdate: boom }, onState: { onState: boom }, debugOutput: { debugOutput: boom },
    onError: { onError: boom }, "a view": { views: [new MinMax({ onChange: boom })] },
  };
  for (const [name, options] of Object.entries(throwing)) {
    it(`the node does not stop when ${name} throws`, () => {
      const { network, node } = started(options);
      node.socket.sendError = new Error("no route");
      const attempt = (action: () => void) => {
        try {
          action();
        } catch (error) {
          assert.equal((error as Error).message, "boom");
        }
      };
      for (let i = 0; i < 30; i++) attempt(() => network.run(1000));
      assert.equal(node.clock.timers, 1, "no timer after the rounds");
      attempt(() => node.arrive(update));
      assert.equal(node.clock.timers, 1, "no timer after a datagram");
      attempt(() => node.gossip.push(1));
      assert.equal(node.clock.timers, 1, "no timer after a push");
      const sent = node.calls.length;
      for (let i = 0; i < 30; i++) attempt(() => network.run(1000));
      assert.equal(node.clock.timers, 1, "no timer after more rounds");
      assert.ok(node.calls.length > sent, "no rounds any more");
    });
  }

  it("the node reports a failed send after all other datagrams were sent, so the application may push", () => {
    const { node } = started({ onError: () => node.gossip.push(2) });
    for (const id of [20, 21, 22]) node.arrive(syn(rowsHex(rowHex(id, id, "00", "05")), id));
    node.calls.length = 0;
    node.socket.sendError = new Error("no route");
    node.gossip.push(1);
    assert.deepEqual(node.calls, ["send SYN", "send SYN", "send SYN"]);
  });
});

describe("Gossip: close", () => {
  /** Nothing happens any more, whatever comes. */
  function assertSilent(network: FakeNetwork, node: FakeNode): void {
    const calls = [...node.calls];
    const told = [node.updates.length, node.states.length, node.errors.length];
    const before = [node.gossip.stats(), node.gossip.rows()];
    assert.equal(node.clock.timers, 0, "a timer is left");
    assert.equal(node.socket.isOpen, false);
    node.arrive(update);
    node.socket.fail(new Error("late"));
    network.run(100000);
    assert.deepEqual(node.calls, calls);
    assert.deepEqual([node.updates.length, node.states.length, node.errors.length], told);
    assert.deepEqual([node.gossip.stats(), node.gossip.rows()], before);
  }

  it("close() ends the callbacks, closes the socket and clears the timer", () => {
    const { network, node } = started();
    network.run(30000);
    node.gossip.close();
    assert.equal(node.calls.at(-1), "close");
    assertSilent(network, node);
    assert.throws(() => node.gossip.push(1), /closed/);
  });

  it("close() can be called again", () => {
    const { network, node } = started();
    node.gossip.close();
    node.gossip.close();
    assert.deepEqual(node.calls, ["read", "open", "write 0", "close"]);
    assertSilent(network, node);
  });

  it("close() before the start does not touch the socket", () => {
    const { node } = single();
    node.gossip.close();
    assert.deepEqual(node.calls, []);
  });

  it("the rows can be read after close()", () => {
    const { node } = started();
    node.arrive(update);
    node.gossip.close();
    assert.equal(node.gossip.rows().length, 2);
    assert.equal(node.gossip.stats().datagramsReceived, 1);
  });

  it("no callback follows a close() inside onUpdate", () => {
    const { network, node } = started({ onUpdate: () => node.gossip.close() });
    node.arrive(update);
    assert.deepEqual(node.states, []);
    assertSilent(network, node);
  });

  it("no callback follows a close() inside a view", () => {
    const view = minMax({ onChange: () => node.gossip.close() });
    const { network, node } = started({ views: [view] });
    node.arrive(update);
    assert.deepEqual([node.updates, node.states], [[], []]);
    assertSilent(network, node);
  });

  it("no callback follows a close() inside onError, even when a send failed", () => {
    const { network, node } = started({ onError: () => node.gossip.close() });
    for (const id of [20, 21, 22]) node.arrive(syn(rowsHex(rowHex(id, id, "00", "05")), id));
    node.socket.sendError = new Error("no route");
    node.gossip.push(1);
    assert.equal(node.calls.at(-1), "close");
    assertSilent(network, node);
  });
});
