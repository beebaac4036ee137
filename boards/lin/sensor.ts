import type { SensorSource } from "chisme/sensors/index";
import Time from "time";

/** A start value from 15 to 25 °C. The simulator's Math.random repeats at each start. */
let temperature = 15 + (Time.ticks % 1000) / 100;

/** No sensor: a temperature that changes slowly at random. */
export function sensors(): SensorSource[] {
  return [{ open: () => ({ sample }) }];
}

function sample(): object {
  temperature += Math.random() - 0.5;
  return { temperature };
}
