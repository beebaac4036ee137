import { BME280 } from "bme280";
import type { SensorSource } from "chisme/sensors/index";
import { place } from "i2c-bus";
import Timer from "timer";

/** A BME280, or a BMP280, which has no humidity. */
export function sensors(): SensorSource[] {
  const sensor = place();
  return [{ open: () => new BME280({ sensor, delay: (ms) => Timer.delay(ms) }) }];
}
