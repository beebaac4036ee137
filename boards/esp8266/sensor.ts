import type { SensorSource } from "chisme/sensors/index";
import Analog from "embedded:io/analog";

/** A TMP36 on A0, the only analog input. NodeMCU boards have a voltage divider, so that it accepts 3.3 V. */
const analog = new Analog({ pin: 0 });
const FULL_SCALE_MV = 3300;

export function sensors(): SensorSource[] {
  return [{ open: () => ({ sample }) }];
}

function sample(): object {
  const millivolts = analog.read() * FULL_SCALE_MV / ((1 << analog.resolution) - 1);
  return { temperature: (millivolts - 500) / 10 };
}
