import type { SensorSource } from "chisme/sensors/index";
import SHT3x from "embedded:sensor/Humidity-Temperature/SHT3x";
import { place } from "i2c-bus";

/** An SHT30, SHT31 or SHT35: the SDK's class as it is. */
export function sensors(): SensorSource[] {
  const sensor = place();
  return [{ open: () => new SHT3x({ sensor }) }];
}
