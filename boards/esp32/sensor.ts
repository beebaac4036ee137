import type { Sensor, SensorSource } from "chisme/sensors/index";
import Analog from "embedded:io/analog";
import config from "mc/config";

/**
 * GPIO 34 is an input of ADC 1 on the ESP32, GPIO 1 on the ESP32-S2, -S3, -C3 and
 * -C6. Unlike ADC 2 it also works while Wi-Fi is on.
 */
const DEFAULT_PINS = [34, 1];
const FULL_SCALE_MV = 2450;

/** A TMP36 on the pin `analogPin`, or on the first of the default pins that is an analog input of the chip. */
export function sensors(): SensorSource[] {
  return [{ open: () => tmp36(open()) }];
}

function tmp36(analog: Analog): Sensor {
  return {
    sample: () => {
      const millivolts = analog.read() * FULL_SCALE_MV / ((1 << analog.resolution) - 1);
      return { temperature: (millivolts - 500) / 10 };
    },
    // All classes of ECMA-419 have it, the typings do not.
    close: () => (analog as unknown as { close(): void }).close(),
  };
}

/** @throws RangeError when the chip has no analog input there, or something else uses the pin */
function open(): Analog {
  const pins = config.analogPin === undefined ? DEFAULT_PINS : [Number(config.analogPin)];
  let message = "";
  for (const pin of pins) {
    try {
      return new Analog({ pin });
    } catch (error) {
      message += `${message === "" ? "" : ", "}GPIO ${pin}: ${(error as Error).message}`;
    }
  }
  throw new RangeError(`analogPin: no analog input (${message})`);
}
