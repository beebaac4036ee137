import assert from "node:assert/strict";
import { findMeasurement } from "../../bench/measurements.js";

/** What `bench/sleep.ts` measures of a waking. */
interface Sample { nothing: { trips: number }; values: { trips: number }; events: { trips: number } }

describe("a waking among ten nodes that are awake", () => {
  // In two of 20 networks the peer made its eighth statement: a row sent back for that took a second round trip.
  it("ten new values are one round trip, and twenty events two", async function () {
    this.timeout(60000);
    for (let seed = 11; seed <= 20; seed++) {
      const { nothing, values, events } = await findMeasurement("sleepExchange").sample(seed, true) as Sample;
      assert.ok(nothing.trips === 1 && values.trips === 1 && events.trips <= 2, `seed ${seed}`);
    }
  });
});
