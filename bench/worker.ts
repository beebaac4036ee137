import { findMeasurement } from "./measurements.js";
import type { Answer, Task } from "./pool.js";

/* A process of the pool. It takes one sample for each message and answers with it. */
process.on("message", ({ measurement, seed, isQuick }: Task) => {
  const answer: Answer = {};
  try {
    answer.sample = findMeasurement(measurement).sample(seed, isQuick);
  } catch (error) {
    answer.error = (error as Error).stack ?? String(error);
  }
  process.send?.(answer);
});
process.on("disconnect", () => process.exit());
