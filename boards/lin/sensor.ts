let temperature = 15 + Math.random() * 10;

/** A slow random walk, in °C with one decimal place. */
export function readTemperature(): number {
  temperature += Math.random() - 0.5;
  return Math.round(temperature * 10) / 10;
}
