import Analog from "embedded:io/analog";

/** A TMP36 on A0, the only analog input. NodeMCU boards have a voltage divider, so that it accepts 3.3 V. */
const analog = new Analog({ pin: 0 });
const FULL_SCALE_MV = 3300;

/** In °C with one decimal place. */
export function readTemperature(): number {
  const millivolts = analog.read() * FULL_SCALE_MV / ((1 << analog.resolution) - 1);
  return Math.round(millivolts - 500) / 10;
}
