/**
 * The name under which a property of ECMA-419's sensor classes is shared; "" for a property without one.
 *
 * A name is short because a value has few bytes. Its unit is in units.ts.
 */
export function nameOf(property: string): string {
  switch (property) {
    case "temperature": return "temp";
    case "humidity": return "hum";
    case "pressure": return "pres";
    case "illuminance": return "lux";
    case "distance": return "dist";
    case "moisture": return "soil";
    case "CO2": return "co2";
    case "CO": return "co";
    case "NO2": return "no2";
    case "CH4": return "ch4";
    case "dust":
    case "particulateMatter": return "pm";
    default: return "";
  }
}

/** Eighths are exact in CBOR's float of 2 bytes up to 255, tenths in none: they take 8. */
const EIGHTH = 0.125;

/** What readings of a name are rounded to a multiple of. A digit or a hyphen ends the name: "temp2" is as "temp". */
export function stepOf(name: string): number {
  switch (baseOf(name)) {
    case "hum":
    case "lux":
    case "dist":
    case "co2":
    case "co":
    case "no2":
    case "ch4":
    case "pm":
    case "watt": return 1;
    case "pres": return 10;
    case "soil":
    case "volt":
    case "amp": return EIGHTH / 8;
    default: return EIGHTH;
  }
}

const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** The name of which this one is another instance: "temp" of "temp2", "temp-out" and "temp". */
export function baseOf(name: string): string {
  const hyphen = name.indexOf("-");
  const start = hyphen < 0 ? name : name.substring(0, hyphen);
  // Digits at the end of these belong to the substance.
  if (start === "co2" || start === "no2" || start === "ch4") return start;
  let end = start.length;
  while (end > 0 && start.charCodeAt(end - 1) >= DIGIT_0 && start.charCodeAt(end - 1) <= DIGIT_9) end--;
  return start.substring(0, end);
}
