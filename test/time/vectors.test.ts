import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type NetworkTime, networkTime } from "../../src/time/index.js";
import { FakeNetwork, FakeNode, frameHex } from "../support/fake-platform.js";

interface Answer {
  name: string;
  hex: string;
  unixMs: number;
  source: number;
  hops: number;
  errorMs: number;
  ageSeconds: number;
}

interface Vectors {
  request: string;
  answers: Answer[];
  ignored: { name: string; hex: string }[];
}

const vectors = JSON.parse(readFileSync(new URL("../vectors/time.json", import.meta.url), "utf8")) as Vectors;
const plain = (hex: string): string => hex.replaceAll(" ", "");

/** A node that asks, and the answer of node 7 to its first request, at the same millisecond. */
function answered(section: string): { node: FakeNode; time: NetworkTime } {
  const network = new FakeNetwork();
  const time = networkTime();
  const node = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.99"], time });
  node.gossip.start();
  while (node.socket.sent.length === 0) network.run(1);
  const { hex } = node.socket.sent[0];
  assert.ok(hex.endsWith(plain(vectors.request)), hex);
  // Magic, type, id, revision 0, then the counter.
  const counter = /^.{14}((?:[89a-f].)*[0-7].)/.exec(hex)?.[1] ?? "";
  node.arrive(frameHex(2, 7, 0, 1, counter + plain(section)));
  return { node, time };
}

describe("vectors of the time", () => {
  for (const { name, hex, unixMs, source, hops, errorMs, ageSeconds } of vectors.answers) {
    it(`a node takes an answer and passes it on: ${name}`, () => {
      const { node, time } = answered(hex);
      assert.equal(time.now(), unixMs);
      // Its own rounding adds 1 ms.
      const quality = { source: "peer", node: source, hops: hops + 1, errorMs: errorMs + 1, ageMs: ageSeconds * 1000 };
      assert.deepEqual(time.quality(), quality);
      // A section of an unknown tag makes the SYN longer: an answer has at most three times its bytes (PROTOCOL 5.4).
      const request = `${plain(vectors.request)}f808${"00".repeat(8)}`;
      node.arrive(frameHex(1, 8, 0, 1, request), "192.168.0.98");
      const { hex: ack } = node.socket.sent[node.socket.sent.length - 1];
      const bytes = Buffer.from(plain(hex), "hex");
      bytes[12]++;
      // Time, source, and one hop more; beyond 30 hops nobody answers.
      assert.equal(ack.includes(bytes.subarray(2, 13).toString("hex")), hops < 30, ack);
    });
  }

  for (const { name, hex } of vectors.ignored) it(`a node ignores an answer: ${name}`, () => {
    const { node, time } = answered(hex);
    assert.equal(time.now(), undefined);
    assert.equal(node.gossip.stats().drops.section, 0);
  });
});
