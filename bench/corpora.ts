import type { SimRandom } from "../desktop/simulator/random.js";
import type { CborValue } from "../src/cbor/cbor.js";

/** Values of the events of one node, as `bench/bulk.ts` sends them. */
export interface Corpus {
  /** In names of figures. */
  name: string;
  about: string;
  /** Whether events have the time of day as stamps, and lie up to a minute apart; else each is 1 or 2 ms later. */
  isTimed: boolean;
  make: (random: SimRandom) => () => CborValue;
}

/** A byte string of 48 bytes has a head of 2. */
const RANDOM_BYTES = 48;
const ROOMS = ["hall", "garage", "cellar", "office", "kitchen"];

/** A line of the log of a house: 34 to 54 bytes, 48 on average with its head. */
function logLine(random: SimRandom): string {
  const door = random.between(1, 24);
  const card = random.between(1000, 9999);
  const kind = random.below(100);
  if (kind < 40) return `door ${door} opened by card ${card}, held for ${random.between(1, 40)} s`;
  if (kind < 70) return `door ${door} closed after ${random.between(1, 120)} s, the alarm is armed again`;
  if (kind < 82) return `card ${card} refused at door ${door}: not valid after ${random.between(18, 23)}:00`;
  if (kind < 94) {
    const volts = `3.${String(random.below(100)).padStart(2, "0")}`;
    const rest = `battery ${volts} V, rssi -${random.between(40, 95)}`;
    return `${random.pick(ROOMS)}: ${random.between(150, 260) / 10} degrees, ${rest}`;
  }
  return `link to ${random.pick(ROOMS)} is back after ${random.between(1, 600)} s and ${random.between(1, 9)} attempts`;
}

/** Readings that drift, of a sensor that names all of them: a map of 5 entries, 63 bytes on average. */
function readings(random: SimRandom): () => CborValue {
  let celsius = 21;
  let humidity = 48;
  let pressure = 1013;
  return () => {
    celsius += random.between(-3, 3) / 10;
    humidity += random.between(-2, 2);
    pressure += random.between(-1, 1);
    return {
      battery: random.between(290, 330), celsius: Math.round(celsius * 10) / 10, humidity, pressure, room: "kitchen",
    };
  };
}

export const corpora: Corpus[] = [
  {
    name: "", about: "events of 50 random bytes", isTimed: false,
    make: (random) => () => Uint8Array.from({ length: RANDOM_BYTES }, () => random.below(256)),
  },
  {
    name: "Text", about: "events, lines of a log of 48 bytes on average, of 6 kinds with numbers and names in them,",
    isTimed: true, make: (random) => () => logLine(random),
  },
  { name: "Reading", about: "events, maps of readings of 63 bytes on average,", isTimed: true, make: readings },
];
