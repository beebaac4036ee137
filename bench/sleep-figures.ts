/** As `Figure`, which lists these. */
interface SleepFigure {
  name: string;
  unit: string;
  measurement: string;
  bound?: { atMost?: number; atLeast?: number };
  about: string;
}

const DAY = "50 nodes of which 40 sleep 15 minutes at a time in deep sleep and share a value at each waking, 24 hours";

function dayFigures(key: string, how: string, isBound: boolean): SleepFigure[] {
  const measurement = `sleepDay${key}`;
  const bound = (limit: NonNullable<SleepFigure["bound"]>): Pick<SleepFigure, "bound"> => (
    isBound ? { bound: limit } : {}
  );
  return [
    {
      name: `sleep.statesTold${key}`, unit: "times", measurement, ...bound({ atMost: 0 }),
      about: `${DAY}${how}: how often an application of a node that is awake is notified of another state`,
    },
    {
      name: `sleep.countedPercent${key}`, unit: "%", measurement, ...bound({ atLeast: 100 }),
      about: "how many of the sleepers' values count at the nodes that are awake, looked up each minute",
    },
    {
      name: `sleep.longestWakingMs${key}`, unit: "ms", measurement, bound: { atMost: 2000 },
      about: "the longest waking, from the start of the program until the radio may be off",
    },
    {
      name: `sleep.radioSecondsPerDay${key}`, unit: "s", measurement,
      about: "all wakings of a sleeper in a day together, without the time to join the access point; mean",
    },
    {
      name: `sleep.bytesPerDay${key}`, unit: "bytes", measurement,
      about: "bytes that a sleeper sends and receives in a day: each waking brings the new values of all others; mean",
    },
    {
      name: `sleep.writesPerWaking${key}`, unit: "writes", measurement, bound: { atMost: 0 },
      about: "writes to the storage of sleepers, for each waking",
    },
  ];
}

function exchangeFigures(key: string, how: string): SleepFigure[] {
  const measurement = `sleepExchange${key}`;
  return [
    {
      name: `sleep.nothingNewRoundTrips${key}`, unit: "trips", measurement, bound: { atMost: 1 },
      about: `a waking if nothing is new, 10 nodes${how}: round trips; the most`,
    },
    {
      name: `sleep.nothingNewDatagrams${key}`, unit: "datagrams", measurement, bound: { atMost: 2 },
      about: "datagrams of such a waking, in both directions; the most",
    },
    {
      name: `sleep.nothingNewBytes${key}`, unit: "bytes", measurement, ...key === "" && { bound: { atMost: 80 } },
      about: "their bytes; the most",
    },
    {
      name: `sleep.values10RoundTrips${key}`, unit: "trips", measurement, bound: { atMost: 1 },
      about: "round trips of a waking that brings 10 new values; the most",
    },
    {
      name: `sleep.events20RoundTrips${key}`, unit: "trips", measurement, bound: { atMost: 2 },
      about: "round trips of a waking with its RAM that brings 20 new events; the most",
    },
  ];
}

/** Where nodes sleep. */
export const sleepFigures: readonly SleepFigure[] = [
  ...dayFigures("", "", true),
  ...dayFigures(".sealed", ", sealed", true),
  ...dayFigures(".loss10", ", with 10 % loss", false),
  {
    name: "sleep.downRoundsBeyond", unit: "rounds", measurement: "sleepDeath", bound: { atMost: 0 },
    about: "in that network, a sleeper that never comes back: until all that are awake have set it to DOWN, beyond its "
      + "word, one round and 3 suspicion periods; the longest",
  },
  ...exchangeFigures("", ""),
  ...exchangeFigures(".sealed", ", sealed"),
];
