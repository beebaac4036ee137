import assert from "node:assert/strict";
import { auto, espgossip } from "../src/espgossip/index.js";
import { type ChismeError, Gossip, type GossipOptions } from "../src/gossip.js";
import { type MessageOptions, messages } from "../src/messages/index.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const { socket, clock } = new FakeNode(new FakeNetwork(), "192.168.0.53");

function refuses(act: () => unknown, name: string, option: string, message: string): void {
  assert.throws(act, (error: ChismeError) => {
    assert.deepEqual([error.name, error.code, error.option, error.message], [name, "ERR_OPTION", option, message]);
    return true;
  });
}

describe("the option messages", () => {
  for (const [options, name, option, message] of [
    [{ queue: 1 }, "RangeError", "queue", "1 is not an integer from 2 to 64"],
    [{ queue: 65 }, "RangeError", "queue", "65 is not an integer from 2 to 64"],
    [{ queue: "8" }, "TypeError", "queue", '"8" is not an integer from 2 to 64'],
    [{ senders: 0 }, "RangeError", "senders", "0 is not an integer from 1 to 1024"],
    [{ messageBytesMax: 15 }, "RangeError", "messageBytesMax",
      "15 is not an integer from 16 to 1365 (107 less than datagramBytesMax)"],
    [{ onMessage: 1 }, "TypeError", "onMessage", "1 is not a function"],
    [{ onmessage: () => 1 }, "TypeError", "onmessage", "there is no such option"],
  ] as const) {
    it(`messages() refuses ${JSON.stringify(options)} and names messages.${option}`, () => {
      const act = () => messages(options as unknown as MessageOptions);
      refuses(act, name, `messages.${option}`, `messages.${option}: ${message}`);
    });
  }

  it("the option accepts the result of messages(), and nothing else", () => {
    for (const [given, shown] of [[messages, "a function"], [{}, "an object"], [true, "true"]] as const) {
      const message = `messages: ${shown} is not made by messages() of chisme/messages`;
      refuses(() => new Gossip({ socket, clock, messages: given as never }), "TypeError", "messages", message);
    }
    refuses(() => messages(5 as never), "TypeError", "messages", "messages: 5 is not an object of options");
  });

  it("the longest message fits a datagram", () => {
    const made = (datagramBytesMax: number, messageBytesMax: number): GossipOptions => ({
      socket, clock, datagramBytesMax, messages: messages({ messageBytesMax }), valueBytesMax: 8,
    });
    assert.ok(new Gossip(made(128, 21)));
    refuses(() => new Gossip(made(128, 22)), "RangeError", "messages.messageBytesMax",
      "messages.messageBytesMax: 22 is not an integer from 16 to 21 (107 less than datagramBytesMax)");
  });

  it("dialects with JSON have no messages", () => {
    for (const dialect of [espgossip(), auto()]) {
      refuses(() => new Gossip({ socket, clock, dialect, messages: messages() }), "TypeError", "messages",
        "messages: the option dialect has none");
    }
  });

  it("without the option the methods say so", () => {
    const gossip = new Gossip({ socket, clock });
    const message = "send: there are no messages without the option messages";
    assert.throws(() => gossip.send(1, "t", 1), { code: "ERR_STATE", message });
    assert.equal(gossip.stats().messages, undefined);
  });
});
