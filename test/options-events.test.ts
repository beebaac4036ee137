import assert from "node:assert/strict";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import { type ChismeError, Gossip, type GossipOptions } from "../src/gossip.js";
import { Sha256 } from "../src/digest/sha256.js";
import { latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const { socket, clock } = new FakeNode(new FakeNetwork(), "192.168.0.53");
const digest = new Sha256();
const EVENT_RANGE = "an integer from 32 to 1357 (115 less than the largest datagramBytesMax)";

function refuses(act: () => unknown, name: string, option: string, message: string): void {
  assert.throws(act, (error: ChismeError) => {
    assert.deepEqual([error.name, error.code, error.option, error.message], [name, "ERR_OPTION", option, message]);
    return true;
  });
}

describe("the option events", () => {
  for (const [options, name, option, message] of [
    [{ bytes: 511 }, "RangeError", "bytes", "511 is not an integer from 512 to 16777216"],
    [{ bytes: 16777217 }, "RangeError", "bytes", "16777217 is not an integer from 512 to 16777216"],
    [{ bytes: 1000.5 }, "RangeError", "bytes", "1000.5 is not an integer from 512 to 16777216"],
    [{ bytes: "4096" }, "TypeError", "bytes", '"4096" is not an integer from 512 to 16777216'],
    [{ eventBytesMax: 5 }, "RangeError", "eventBytesMax", `5 is not ${EVENT_RANGE}`],
    [{ eventBytesMax: null }, "TypeError", "eventBytesMax", `null is not ${EVENT_RANGE}`],
    [{ eventBytesMax: 1358 }, "RangeError", "eventBytesMax", `1358 is not ${EVENT_RANGE}`],
    [{ fillGaps: 1 }, "TypeError", "fillGaps", "1 is neither true nor false"],
    [{ digest: () => 1 }, "TypeError", "digest", "a function has no method sha256"],
    [{ views: latestMap() }, "TypeError", "views", "an object is not an array of views, such as latestMap() makes"],
    [{ views: [{}] }, "TypeError", "views[0]", "an object has no method bind"],
    [{ views: [{ ...latestMap(), bind: () => 0 }] }, "TypeError", "views[0]", "an object has no method apply"],
    [{ onEvent: 1 }, "TypeError", "onEvent", "1 is not a function"],
    [{ onevent: () => 1 }, "TypeError", "onevent", "there is no such option"],
    [{ eventViews: [] }, "TypeError", "eventViews", "there is no such option"],
  ] as const) {
    it(`eventFeeds() refuses ${JSON.stringify(options)} and names events.${option}`, () => {
      const act = () => eventFeeds(options as unknown as EventFeedOptions);
      refuses(act, name, `events.${option}`, `events.${option}: ${message}`);
    });
  }

  it("the option accepts the result of eventFeeds(), and nothing else", () => {
    for (const [events, shown] of [[eventFeeds, "a function"], [{}, "an object"], [true, "true"]] as const) {
      const message = `events: ${shown} is not made by eventFeeds() of chisme/events`;
      refuses(() => new Gossip({ socket, clock, digest, events: events as never }), "TypeError", "events", message);
    }
    refuses(() => eventFeeds(5 as never), "TypeError", "events", "events: 5 is not an object of options");
  });

  it("the longest event fits into a datagram", () => {
    const make = (more: Partial<GossipOptions>, options: EventFeedOptions): Gossip => {
      return new Gossip({ socket, clock, digest, events: eventFeeds(options), ...more });
    };
    make({}, { eventBytesMax: 1085 });
    refuses(
      () => make({}, { eventBytesMax: 1086 }), "RangeError", "events.eventBytesMax",
      "events.eventBytesMax: 1086 is not an integer from 32 to 1085 (115 less than datagramBytesMax)",
    );
    make({ datagramBytesMax: 1472 }, { eventBytesMax: 1357 });
    make({}, { bytes: 512, eventBytesMax: 212 });
    refuses(
      () => make({}, { bytes: 512, eventBytesMax: 213 }), "RangeError", "events.eventBytesMax",
      "events.eventBytesMax: 213 is not an integer from 32 to 212 (44 less than half of events.bytes)",
    );
    for (const [bytes, most] of [[512, 128], [1024, 128], [2048, 256], [undefined, 448], [262144, 448]] as const) {
      const options = bytes === undefined ? {} : { bytes };
      assert.equal(make({}, options).engine.feed?.feeds.eventBytesMax, most);
    }
    make({ datagramBytesMax: 147, valueBytesMax: 4 }, {});
    refuses(
      () => make({ datagramBytesMax: 146, valueBytesMax: 4 }, {}), "RangeError", "datagramBytesMax",
      "datagramBytesMax: 146 leaves no room for events; they need 147",
    );
  });

  it("the option uses the platform's digest if it has none, and an error names functions that give one", () => {
    const message = "events.digest: needs moddableDigest(), espruinoDigest(), or new Sha256() of chisme/sha256";
    refuses(() => new Gossip({ socket, clock, events: eventFeeds() }), "TypeError", "events.digest", message);
    let digests = 0;
    const counting = { sha256: (...all: Parameters<Sha256["sha256"]>) => (digests++, digest.sha256(...all)) };
    for (const options of [{ digest: counting, events: eventFeeds() }, { events: eventFeeds({ digest: counting }) }]) {
      digests = 0;
      const { gossip } = new FakeNode(new FakeNetwork(), "192.168.0.54", options);
      gossip.start();
      gossip.log("a", 1);
      assert.ok(digests > 0);
    }
  });
});
