import Analog from "embedded:io/analog";

/** A TMP36 on GPIO 34, an input of ADC 1, which also works while Wi-Fi is on. */
const analog = new Analog({ pin: 34 });
const FULL_SCALE_MV = 2450;

/** In °C with one decimal place. */
export function readTemperature(): number {
  const millivolts = analog.read() * FULL_SCALE_MV / ((1 << analog.resolution) - 1);
  return Math.round(millivolts - 500) / 10;
}
