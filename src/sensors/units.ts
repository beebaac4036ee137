import { baseOf } from "./names.js";

/** How a reading is shown. */
export interface Unit {
  /** As it is written behind the number, such as "°C". */
  text: string;
  /** Its symbol in SenML's registry (RFC 8428, RFC 8798), such as "Cel"; of a part of it the nearest one. */
  senml: string;
  /** A reading is shown as a multiple of 1 / `parts`: 1, 10 or 100. */
  parts: number;
}

/** By base name; the table of docs/SENSORS.md. */
const UNITS: Record<string, Unit | undefined> = {
  temp: { text: "°C", senml: "Cel", parts: 10 },
  hum: { text: "%", senml: "%RH", parts: 1 },
  pres: { text: "Pa", senml: "Pa", parts: 1 },
  lux: { text: "lx", senml: "lx", parts: 1 },
  dist: { text: "cm", senml: "cm", parts: 1 },
  soil: { text: "", senml: "/", parts: 100 },
  co2: { text: "ppm", senml: "ppm", parts: 1 },
  co: { text: "ppm", senml: "ppm", parts: 1 },
  no2: { text: "ppm", senml: "ppm", parts: 1 },
  ch4: { text: "ppm", senml: "ppm", parts: 1 },
  pm: { text: "µg/m³", senml: "ug/m3", parts: 1 },
  volt: { text: "V", senml: "V", parts: 100 },
  amp: { text: "A", senml: "A", parts: 100 },
  watt: { text: "W", senml: "W", parts: 1 },
};

/**
 * How readings of a name are shown. The unit follows from the name, so that no node sends it: "temp2" and "temp-out"
 * have that of "temp".
 *
 * @returns undefined for a name without a unit
 */
export function unitOf(name: string): Unit | undefined {
  const base = baseOf(name);
  return Object.prototype.hasOwnProperty.call(UNITS, base) ? UNITS[base] : undefined;
}

/** A reading with its unit, such as "21.4 °C"; without one as `String` writes the number. */
export function readingText(name: string, reading: number): string {
  const unit = unitOf(name);
  if (unit === undefined) return String(reading);
  const rounded = String(Math.floor(reading * unit.parts + 0.5) / unit.parts);
  return unit.text === "" ? rounded : `${rounded} ${unit.text}`;
}

/**
 * A shared value as text if it is a map of readings: "temp 21.4 °C, hum 40 %". Booleans are "on" and "off".
 *
 * @returns undefined for any other value: one that is no map, or has no name with a unit, or anything but numbers and
 * booleans
 */
export function readingsText(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const names = Object.keys(value);
  const texts: string[] = [];
  let hasUnit = false;
  for (let i = 0; i < names.length; i++) {
    const reading = (value as Record<string, unknown>)[names[i]];
    if (typeof reading === "boolean") texts.push(`${names[i]} ${reading ? "on" : "off"}`);
    else if (typeof reading === "number") texts.push(`${names[i]} ${readingText(names[i], reading)}`);
    else return undefined;
    hasUnit = hasUnit || unitOf(names[i]) !== undefined;
  }
  return hasUnit ? texts.join(", ") : undefined;
}
