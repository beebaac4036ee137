import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { EngineOptions } from "../../../src/engine/index.js";
import { SECTION_WINDOW } from "../../../src/engine/wire/frame.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { nodeDigest } from "../feed/feed-support.js";

const ROUND = 10000;
const DIFF = 3;

function feedsOf(feedBytes: number): Partial<EngineOptions> {
  return { feeds: eventFeeds({ bytes: feedBytes }).engineFeeds(1472, nodeDigest) };
}

/** A text that shares nothing with the one before, so that no event becomes short. */
const unlike = (n: number): string => createHash("sha256").update(`${n}`).digest("base64").slice(0, 38);

/** Datagrams of each burst by which node 2, which was away, gets 600 events of node 1; and what it has then. */
function catchUp(
  sends: number, takes: number, lose = (_nth: number): boolean => false,
): { bursts: number[]; held: number } {
  const network = new EngineNetwork();
  const author = network.add(1, { ...feedsOf(65536), burstMax: sends }, [], 3);
  const away = network.add(2, { ...feedsOf(65536), burstMax: takes }, [1], 3);
  network.run(5 * ROUND);
  network.engines.delete(2);
  for (let n = 0; n < 600; n++) {
    network.log(1, "reading", unlike(n));
    network.run(300);
  }
  network.engines.set(2, away);
  const bursts: number[] = [];
  let last = 0;
  let nth = 0;
  network.lose = ({ from, to, bytes }) => {
    if (from === 1 && to === 2 && (bytes[1] & 7) === DIFF) {
      if (last !== 1) bursts.push(0);
      bursts[bursts.length - 1]++;
      nth++;
    }
    last = from;
    return from === 1 && to === 2 && (bytes[1] & 7) === DIFF && lose(nth);
  };
  network.run(20 * ROUND);
  assert.ok(author.feed!.feeds.sequence(0) === 600);
  return { bursts, held: away.feed!.feeds.sequence(away.rows.find(1)) };
}

describe("Windows", () => {
  it("bursts grow fourfold while they arrive, up to what both ends allow", () => {
    const wide = catchUp(64, 64);
    assert.equal(wide.held, 600);
    assert.equal(wide.bursts[0], 4);
    assert.ok(Math.max(...wide.bursts) > 4 && Math.max(...wide.bursts) <= 16, wide.bursts.join(" "));
    for (const [sends, takes] of [[64, 6], [6, 64], [4, 64], [64, 4]]) {
      const { bursts, held } = catchUp(sends, takes);
      assert.equal(held, 600);
      assert.equal(Math.max(...bursts), Math.min(sends, takes), `${sends} ${takes}: ${bursts.join(" ")}`);
    }
  });

  it("after a loss the next exchange begins with at most 4 datagrams again", () => {
    const { bursts, held } = catchUp(64, 64, (nth) => nth === 6);
    assert.equal(held, 600);
    assert.deepEqual(bursts.slice(0, 1), [4]);
    assert.ok(bursts.slice(2).some((datagrams) => datagrams <= 4) && bursts[2] < 16, bursts.join(" "));
  });

  it("the section has the tag 18", () => assert.equal(SECTION_WINDOW, 18));
});
