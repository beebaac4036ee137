import assert from "node:assert/strict";
import { measureKeeper } from "../../bench/keeper-figures.js";
import { KEEPER_BYTES } from "../../src/keeper/index.js";

describe("the start of a keeper", function () {
  this.timeout(120000);

  it("the start brings back all events, in memory that the event buffer bounds", () => {
    const figures = measureKeeper(2000, 10, 1);
    assert.equal(figures["keeper.events"], 2000);
    assert.ok(figures["keeper.ramBytes"] > KEEPER_BYTES, JSON.stringify(figures));
    assert.ok(figures["keeper.ramBytes"] < KEEPER_BYTES * 1.5, JSON.stringify(figures));
  });
});
