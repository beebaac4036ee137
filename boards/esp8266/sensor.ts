import Analog from "embedded:io/analog";

/** A TMP36 on the only analog input, A0, which NodeMCU boards divide so that it takes 3.3 V. */
const analog = new Analog({ pin: 0 });
const FULL_SCALE_MV = 3300;

/** In °C with one decimal place. */
export function readTemperature(): number {
  const millivolts = analog.read() * FULL_SCALE_MV / ((1 << analog.resolution) - 1);
  return Math.round(millivolts - 500) / 10;
}
