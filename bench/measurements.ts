import { bulkMeasurements } from "./bulk.js";
import { convergeMeasurements, curveMeasurements, idealMeasurements } from "./converge.js";
import { crash, crashMeasurements, falseDown } from "./detect.js";
import { healMeasurements, massRestarts } from "./heal.js";
import { idleMeasurements } from "./idle.js";
import { linkDay, linkMatrix } from "./link.js";
import type { Measurement } from "./measurement.js";
import { meshCrashMeasurements, meshDayMeasurements } from "./mesh.js";
import { meshMessageMeasurements } from "./mesh-messages.js";
import { changeMeasurements, restMeasurements, shareMeasurements } from "./rest.js";
import { sealOverhead } from "./seal-overhead.js";
import { signMeasurements } from "./sign.js";
import { signRefusedMeasurements } from "./sign-refused.js";
import { sleepMeasurements } from "./sleep.js";
import { timeMeasurements } from "./time.js";
import { speed } from "./speed.js";
import { storeWear } from "./store-wear.js";
import { eventOverhead, frontier500, inSync500, inSync8, stale4of500, rowsPer1200 } from "./wire.js";

/** All that is measured, the longest samples first, so that no core is left waiting for one in the end. */
export const MEASUREMENTS: readonly Measurement[] = [
  ...curveMeasurements.toReversed(), healMeasurements[0], falseDown, linkMatrix, linkDay,
  ...meshDayMeasurements.toReversed(),
  ...meshCrashMeasurements.toReversed(), ...meshMessageMeasurements, ...idleMeasurements.toReversed(),
  ...restMeasurements.toReversed(), ...changeMeasurements.toReversed(),
  ...shareMeasurements.toReversed(),
  ...convergeMeasurements.toReversed(), ...healMeasurements.slice(1), ...sleepMeasurements, ...timeMeasurements,
  ...signMeasurements, ...signRefusedMeasurements, massRestarts, crash, ...crashMeasurements, ...bulkMeasurements,
  stale4of500, rowsPer1200,
  frontier500, eventOverhead, sealOverhead, storeWear, inSync8, inSync500, ...idealMeasurements, speed,
] as Measurement<never>[];

export function findMeasurement(name: string): Measurement {
  const found = MEASUREMENTS.find((measurement) => measurement.name === name);
  if (found === undefined) throw new Error(`no measurement ${name}`);
  return found;
}
