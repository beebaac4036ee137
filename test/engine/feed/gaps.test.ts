import assert from "node:assert/strict";
import type { Engine, EngineOptions } from "../../../src/engine/index.js";
import { Lan, heldFeed } from "../lan.js";
import { nodeDigest } from "./feed-support.js";

const ROUND = 10000;
const BOARD: Partial<EngineOptions> = { feedBytes: 2048, eventBytesMax: 128, digest: nodeDigest };
const DESKTOP: Partial<EngineOptions> = { ...BOARD, feedBytes: 65536, fillGaps: true };
const [A, B] = [1, 2];

/** Desktops 1 and 2, boards 3 to 5, and boards' events that boards forget while desktop 1 is away. */
function withGap(desktop: Partial<EngineOptions> = DESKTOP, events = 200): Lan {
  const lan = new Lan();
  for (const node of [A, B]) lan.add(node, desktop, [3], 1);
  for (const node of [3, 4, 5]) lan.add(node, BOARD, [3], 1);
  lan.run(5 * ROUND);
  const away = lan.engines.get(A)!;
  lan.engines.delete(A);
  for (let n = 0; n < events; n++) {
    lan.log(3, "reading", n);
    if (n % 3 === 0) lan.set(4, "value", `key ${n % 5}`, n);
    if (n % 20 === 19) lan.remove(4, "value", "key 1");
    lan.run(500);
  }
  // The two desktops do not meet before the boards have told what they still hold.
  lan.lose = ({ from, to }) => from + to === A + B;
  lan.engines.set(A, away);
  lan.run(5 * ROUND);
  for (const author of [3, 4]) assert.ok(floorOf(away, author) > 10, "lacks what the boards forgot");
  lan.lose = () => false;
  return lan;
}

function floorOf(engine: Engine, author: number): number {
  return engine.feed!.feeds.floor(engine.rows.find(author));
}

describe("two nodes that keep everything", () => {
  it("end with all that either has of each feed", () => {
    const lan = withGap();
    const [a, b] = [lan.engines.get(A)!, lan.engines.get(B)!];
    const told = lan.events.get(A)!.length;
    lan.run(8 * ROUND);
    for (const author of [3, 4]) {
      assert.equal(floorOf(a, author), 1);
      assert.deepEqual(heldFeed(a, author), heldFeed(b, author));
    }
    assert.equal(lan.events.get(A)!.length, told, "what comes so late is not told out of its order");
    for (const node of [A, B]) assert.ok(lan.engines.get(node)!.stats.drops(19) === 0, "no fork");
  });
});
