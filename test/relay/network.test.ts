import assert from "node:assert/strict";
import type { CborValue } from "../../src/gossip.js";
import { messages } from "../../src/messages/index.js";
import { press, relay } from "../../src/relay/index.js";
import { FakeNetwork, type FakeNode, joined } from "../support/fake-platform.js";

describe("a button, a relay and a display in a network", () => {
  const room = { queue: 4, messageBytesMax: 64, senders: 8 };

  it("each press switches once, is answered with the state, and all nodes see it, although datagrams are lost", () => {
    const network = new FakeNetwork();
    const written: boolean[] = [];
    const output = relay({
      write: (isOn) => written.push(isOn),
      onChange: (isOn) => nodes[1].gossip.push({ relay: isOn }),
    });
    const nodes: FakeNode[] = joined(network, [
      { messages: messages(room), name: "button", roundIntervalMs: 1000 },
      { messages: messages({ ...room, onMessage: (message) => void output.receive(message) }), name: "lamp",
        roundIntervalMs: 1000 },
      { roundIntervalMs: 1000 },
    ]);
    const [buttonNode, , display] = nodes;
    const lamp: CborValue[] = [];
    const outcomes: string[] = [];
    const button = press({
      onPress: () => buttonNode.gossip.send("lamp", "relay", "toggle", { onOutcome: (told) => outcomes.push(told) }),
    });

    let datagrams = 0;
    network.loses = () => datagrams++ % 3 === 0;
    for (let i = 0; i < 10; i++) {
      // Contacts that bounce.
      for (const [afterMs, level] of [[1, 0], [1, 1], [1, 0], [200, 1], [1, 0], [1, 1]]) {
        network.run(afterMs);
        button.edge(level, network.nowMs);
      }
      network.run(30000);
      assert.deepEqual(outcomes.splice(0), ["delivered"]);
      assert.equal(output.isOn, i % 2 === 0);
      assert.deepEqual(display.data("192.168.0.54"), { relay: output.isOn });
    }
    assert.deepEqual(written, [false, true, false, true, false, true, false, true, false, true, false]);

    network.loses = () => false;
    buttonNode.gossip.query("relay", "on", { onAnswer: ({ value }) => lamp.push(value) });
    network.run(5000);
    buttonNode.gossip.query("relay", null, { onAnswer: ({ value }) => lamp.push(value) });
    network.run(5000);
    assert.deepEqual(lamp, [true, true]);
  });
});
