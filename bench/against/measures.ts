import type { Measure } from "./measure.js";
import { networkMeasures } from "./network-measures.js";
import { pairMeasures } from "./pair-measures.js";
import { simulatorMeasures } from "./simulator-measures.js";

/** All that is measured in two revisions, in the order of the output. */
export const MEASURES: readonly Measure[] = [...networkMeasures, ...pairMeasures, ...simulatorMeasures];
