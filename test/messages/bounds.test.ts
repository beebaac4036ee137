import assert from "node:assert/strict";
import type { MessageOutcome } from "../../src/gossip.js";
import { MessageNetwork, all, grid } from "./message-network.js";

const KIND_BROADCAST = 2;
const KIND_QUERY = 3;
/** An id that no node has. */
const NOBODY = 7777;

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>>= 7) {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  return bytes;
}

/** Has a node receive a SYN that looks like one of a neighbour's, with a message that nobody sent. */
function forge(network: MessageNetwork, kind: number, from: number, number: number, payload: number[]): void {
  const [node, neighbour] = network.network.nodes;
  const { revision, heartbeat } = network.gossip(0).row(neighbour.id)!;
  const message = [0, 0xff, 0xff, 0xff, kind, ...u32(0), ...u32(from), ...u32(number), ...payload];
  const head = [0xc1, 1, ...u32(neighbour.id), ...varint(revision), ...varint(number), ...varint(heartbeat)];
  const frame = [...head, 0, 0, 0, 0, 0, 0, 14 << 3, message.length, ...message];
  network.network.inject(node, Uint8Array.from(frame), neighbour.address, neighbour.port);
  network.network.runFor(5000);
}

/** Each node sends a message to the next one. Returns how many had each outcome. */
function sendAll(network: MessageNetwork): Partial<Record<MessageOutcome, number>> {
  const outcomes: Partial<Record<MessageOutcome, number>> = {};
  const nodes = network.network.nodes.length;
  for (let i = 0; i < nodes; i++) {
    network.gossip(i).send(1000 + ((i + 1) % nodes), "t", i, {
      timeoutMs: 10000, onOutcome: (told) => (outcomes[told] = (outcomes[told] ?? 0) + 1),
    });
  }
  network.network.runFor(30000);
  return outcomes;
}

describe("messages: bounds", function () {
  this.timeout(60000);

  it("by default a node hears as many senders as its table has rows, again and again", () => {
    const nodes = 30;
    const network = new MessageNetwork({ nodes, shape: all, seed: 1, roundIntervalMs: 10000 });
    network.settle(4000);
    const delivered = new Map<number, number>();
    for (let minute = 0; minute < 4; minute++) {
      for (let i = 1; i < nodes; i++) {
        const onOutcome = (told: MessageOutcome): void => {
          if (told === "delivered") delivered.set(i, (delivered.get(i) ?? 0) + 1);
        };
        network.gossip(i).send(1000, "t", i, { onOutcome });
        network.network.runFor(60000 / nodes);
      }
    }
    network.network.runFor(150000);
    assert.deepEqual([...delivered.values()], new Array(nodes - 1).fill(4));
  });

  it("forged queries in the name of nobody take no place for long", () => {
    const network = new MessageNetwork({ nodes: 16, shape: grid(4), seed: 1 });
    network.settle();
    // A query without a topic: which nodes do you reach?
    for (let i = 0; i < 6; i++) forge(network, KIND_QUERY, NOBODY + i, 1 + i * 100, [0x60, 0xf7]);
    assert.ok(network.gossip(15).stats().messages!.relayed > 0, "they arrive");
    network.network.runFor(30000);
    assert.deepEqual(sendAll(network), { delivered: 16 });
  });

  it("forged broadcasts in one name do not take all places for senders", () => {
    const network = new MessageNetwork({ nodes: 16, shape: grid(4), seed: 1, messages: { senders: 20 } });
    network.settle();
    for (let i = 0; i < 20; i++) forge(network, KIND_BROADCAST, NOBODY, 1 + i * 0x10000, [0x61, 0x78, 0x01]);
    network.network.runFor(30000);
    assert.ok(network.deliveries.length > 0, "they arrive");
    assert.deepEqual(sendAll(network), { delivered: 16 });
  });

  it("a broadcast soon after the start goes to neighbours only, not to all rows that nobody has tried", () => {
    const nodes = 49;
    const network = new MessageNetwork({ nodes, shape: grid(7), seed: 1, faults: { lossProbability: 0.1 } });
    network.settle(400);
    const triesOf = (): number => network.network.nodes.reduce(
      (sum, node) => sum + network.gossip(node.index).stats().messages!.tries, 0,
    );
    const before = triesOf();
    assert.equal(network.gossip(24).broadcast("b", 1), true);
    network.network.runFor(60000);
    assert.equal(new Set(network.deliveries.map(({ at }) => at)).size, nodes - 1);
    assert.ok(triesOf() - before <= 8 * nodes, `${triesOf() - before} tries`);
  });
});
