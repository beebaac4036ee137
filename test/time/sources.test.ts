import assert from "node:assert/strict";
import { ERROR_MAX_MS, NO_SOURCE, Sources } from "../../src/time/sources.js";

const DAY = 86400000;

describe("sources of time", () => {
  const chosen = (sources: Sources, upMs: number): number => {
    const place = sources.choose(upMs);
    return place === NO_SOURCE ? NO_SOURCE : sources.source(place);
  };

  it("two sources that agree outvote one with a smaller bound, and without them it counts", () => {
    const sources = new Sources(100, DAY);
    sources.hear(3, 900000, 1, 0, 1, 100);
    assert.equal(chosen(sources, 100), 3);
    sources.hear(1, 1000, 10, 0, 1, 100);
    assert.equal(chosen(sources, 100), 3);
    sources.hear(2, 1012, 12, 0, 1, 100);
    assert.equal(chosen(sources, 100), 1);
  });

  it("of one source the smaller bound counts while words agree, the later word when they do not", () => {
    const sources = new Sources(100, DAY);
    sources.hear(1, 1000, 10, 5000, 2, 100000);
    sources.hear(1, 1005, 20, 0, 1, 100000);
    assert.equal(sources.offsetMs(0), 1000);
    sources.hear(1, 1006, 9, 9000, 3, 100000);
    assert.equal(sources.offsetMs(0), 1006);
    sources.hear(1, 9000, 9, 9000, 1, 100000);
    assert.equal(sources.offsetMs(0), 1006);
    sources.hear(1, 9000, 900, 8000, 1, 100000);
    assert.equal(sources.offsetMs(0), 9000);
  });

  it("a bound grows by the drift, and a word ends with its life or a bound of an hour", () => {
    const sources = new Sources(10000, DAY);
    sources.hear(1, 0, 10, 1000, 1, 5000);
    assert.equal(sources.errorMs(0, 5000 + 60000), 610);
    assert.equal(sources.ageMs(0, 65000), 61000);
    assert.equal(chosen(sources, 4000 + DAY), 1);
    assert.equal(chosen(sources, 4001 + DAY), NO_SOURCE);
    sources.hear(2, 0, ERROR_MAX_MS - 5, 0, 1, 5000);
    assert.equal(chosen(sources, 5100), 2);
    assert.equal(chosen(sources, 6000), NO_SOURCE);
  });

  it("a fifth source replaces the one with the greatest bound, if its own is smaller", () => {
    const sources = new Sources(100, DAY);
    for (const [source, errorMs] of [[1, 10], [2, 40], [3, 20], [4, 30]]) sources.hear(source, 0, errorMs, 0, 1, 0);
    sources.hear(5, 0, 50, 0, 1, 0);
    assert.equal(sources.find(5), NO_SOURCE);
    sources.hear(6, 0, 35, 0, 1, 0);
    assert.equal(sources.find(2), NO_SOURCE);
    assert.ok(sources.find(6) >= 0);
  });
});
