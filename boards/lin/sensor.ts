import Time from "time";

/** A start value from 15 to 25 °C. The simulator's Math.random repeats at each start. */
let temperature = 15 + (Time.ticks % 1000) / 100;

/** A slow random walk, in °C with one decimal place. */
export function readTemperature(): number {
  temperature += Math.random() - 0.5;
  return Math.round(temperature * 10) / 10;
}
