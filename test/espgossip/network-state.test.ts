import assert from "node:assert/strict";
import { networkState, networkStateJson } from "../../src/espgossip/index.js";
import type { NodeRow, NodeState } from "../../src/gossip.js";
import { FakeNetwork, joined, started } from "../support/fake-platform.js";

const OWN_ID = 0xc0a80035;

function rowOf(id: number, state: NodeState): NodeRow {
  return { id, name: "n", address: "10.0.0.7", port: 1, revision: 2, heartbeat: 3, state, data: undefined };
}

describe("networkState", () => {
  it("networkState() shows the rows as ESPGossip does, with id and data", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [{}, { port: 5001, seedList: ["192.168.0.53:5000"] }]);
    nodes[0].gossip.push({ t: 1, raw: Uint8Array.of(0, 10, 255) });
    network.run(30000);
    const [a, b] = nodes[0].gossip.rows();
    const state = {
      "192.168.0.53": {
        revision: 0, heartbeat: a.heartbeat, state: 0, id: OWN_ID, data: { t: 1, raw: Uint8Array.of(0, 10, 255) },
      },
      "192.168.0.54:5001": { revision: 0, heartbeat: b.heartbeat, state: 0, id: 0xc0a80036 },
    };
    assert.ok(a.heartbeat >= 60);
    assert.deepEqual(networkState(nodes[0].gossip), state);
    const json = { ...state, "192.168.0.53": { ...state["192.168.0.53"], data: { t: 1, raw: "000aff" } } };
    assert.deepEqual(JSON.parse(networkStateJson(nodes[0].gossip)), json);
    assert.deepEqual(Object.keys(networkState(nodes[1].gossip)), ["192.168.0.53:5000", "192.168.0.54"]);
  });

  it("networkStateJson() writes bytes as hexadecimal text, at any depth", () => {
    const { node } = started();
    node.gossip.push([Uint8Array.of(1), { a: Uint8Array.of() }]);
    assert.match(networkStateJson(node.gossip), /"data":\["01",\{"a":""\}\]/);
    node.gossip.push(Uint8Array.of(255));
    assert.match(networkStateJson(node.gossip), /"data":"ff"/);
    node.gossip.push(undefined);
    assert.ok(!("data" in networkState(node.gossip)["192.168.0.53"]));
  });

  it("networkState() shows each state as ESPGossip's number", () => {
    const states: NodeState[] = ["up", "probed", "suspect", "down", "removed", "left"];
    states.forEach((state, number) => {
      const row = rowOf(7, state);
      assert.equal(networkState({ id: 7, rows: () => [row] })["10.0.0.7"].state, number);
    });
  });

  it("networkState() shows the row in the lowest state of several with one address", () => {
    for (const [rows, id] of [
      [[rowOf(1, "down"), rowOf(2, "up")], 2], [[rowOf(1, "up"), rowOf(2, "down")], 1],
      [[rowOf(1, "down"), rowOf(2, "down")], 2],
    ] as const) {
      assert.equal(networkState({ id: 1, rows: () => [...rows] })["10.0.0.7"].id, id);
    }
  });
});
