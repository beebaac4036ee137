import assert from "node:assert/strict";
import fc from "fast-check";
import { UP } from "../../src/engine/index.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { count, propertyOptions } from "../support/random.js";
import { bytesOf } from "./wire/frame-support.js";
import { EngineNetwork } from "../support/engine-network.js";
import { table } from "../support/engine-state.js";

const ROUND = 10000;
const STRANGER = 0x0a090909;
const INVENTED = count(100_000, 5_000);
const KEY = new Uint8Array(32).fill(7);

function hex(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** A SYN of an invented node with its own row, as an attacker can write it. */
function inventedSyn(id: number, revision = "01", counter = "01", heartbeat = "05"): Uint8Array {
  const row = `00 ${hex(id, 4)} ${revision} ${heartbeat}`;
  const rows = `0a0909 1388 ${row}`.replaceAll(" ", "");
  const head = `c101 ${hex(id, 4)} ${revision} ${counter} ${heartbeat} 0000000000000001`;
  return bytesOf(`${head} 02 ${hex(rows.length / 2, 2)} ${rows}`);
}

function makeNetwork(options = {}): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= 8; node++) network.add(node, { capacity: 16, ...options }, [1]);
  network.run(10 * ROUND);
  return network;
}

describe("Engine: a flood", () => {
  it(`a flood of ${INVENTED} invented ids evicts no live row, and the nodes go on`, function () {
    this.timeout(300000);
    const network = makeNetwork();
    network.lose = ({ to }) => to === STRANGER;
    for (let i = 0; i < INVENTED; i++) {
      network.deliver(1, STRANGER, inventedSyn((0x51000000 + Math.imul(i, 7919)) >>> 0));
    }
    network.run(2 * ROUND);
    for (const engine of network.engines.values()) {
      const live = table(engine).filter(({ id, state }) => id <= 8 && state === UP).map(({ id }) => id);
      assert.deepEqual(live.sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.ok(engine.rows.count <= 16);
    }
    network.publish(3, [7]);
    network.run(4 * ROUND);
    for (const engine of network.engines.values()) {
      assert.deepEqual(table(engine).find(({ id }) => id === 3)?.value, [7]);
    }
  });

  it("invented rows are gone once nobody answers for their nodes", () => {
    const network = makeNetwork({ removeAfterMs: 60000 });
    network.lose = ({ to }) => to === STRANGER;
    for (let i = 0; i < 100; i++) network.deliver(1, STRANGER, inventedSyn(0x51000000 + i));
    network.run(120 * ROUND);
    for (const engine of network.engines.values()) assert.equal(table(engine).length, 8);
  });

  it("a sealed network takes nothing of a flood that is not sealed", () => {
    const network = makeNetwork({ sealer: nodeSealing(KEY, undefined) });
    const before = table(network.engines.get(1)!);
    network.sent.length = 0;
    for (let i = 0; i < 1000; i++) network.deliver(1, STRANGER, inventedSyn(0x51000000 + i));
    assert.deepEqual(table(network.engines.get(1)!), before);
    assert.deepEqual(network.sent, []);
  });
});

describe("Engine: a false claim", () => {
  const most = "ffffffff0f";

  it("a claim of the greatest counter, revision or heartbeat affects no row but its own", () => {
    for (const [revision, counter, heartbeat] of [["01", most, "05"], [most, "01", "05"], ["01", "01", most]]) {
      const network = makeNetwork();
      network.lose = ({ to }) => to === STRANGER;
      network.deliver(1, STRANGER, inventedSyn(0x51000000, revision, counter, heartbeat));
      network.publish(2, [9]);
      network.run(4 * ROUND);
      for (const engine of network.engines.values()) {
        assert.deepEqual(table(engine).find(({ id }) => id === 2)?.value, [9]);
      }
    }
  });
});

describe("Engine: amplification", () => {
  for (const [kind, options] of [["plain", {}], ["sealed", { sealer: nodeSealing(KEY, undefined) }]] as const) {
    it(`a ${kind} node sends an unproven address at most three times the bytes received`, () => {
      const network = makeNetwork(options);
      const own = network.sent.filter(({ to }) => to === 1).map(({ bytes }) => bytes);
      network.lose = ({ to }) => to >= STRANGER;
      const datagram = fc.oneof(
        fc.constantFrom(...own.slice(-50)), fc.uint8Array({ maxLength: 200 }),
        fc.nat(0xffff).map((id) => inventedSyn(0x51000000 + id)),
        fc.constantFrom('{"type":"SYN"}', "{            }", "{").map((text) => new Uint8Array(Buffer.from(text))),
      );
      fc.assert(fc.property(datagram, fc.nat(1000), (bytes, address) => {
        network.sent.length = 0;
        network.deliver(1, STRANGER + address, bytes);
        const back = network.sent.filter(({ from, to }) => from === 1 && to >= STRANGER);
        assert.ok(back.reduce((sum, sent) => sum + sent.bytes.length, 0) <= 3 * bytes.length);
      }), propertyOptions(2000));
    });
  }
});
