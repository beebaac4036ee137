/** As `Figure`, which lists these. */
interface TimeFigure {
  name: string;
  unit: string;
  measurement: string;
  bound?: { atMost?: number; atLeast?: number };
  about: string;
}

/** What is measured in a network of so many nodes. */
function figuresOf(key: string, network: string, most: { error: number; p95: number; rounds: number }): TimeFigure[] {
  const measurement = `time.${key}`;
  return [
    {
      name: `time.errorMsMedian.${key}`, unit: "ms", measurement,
      about: `${network}, clocks off by up to 50 ppm, 10 % loss, datagrams of 2 to 50 ms: how far the time is off, `
        + "each node and round for an hour; median",
    },
    {
      name: `time.errorMsP95.${key}`, unit: "ms", measurement, bound: { atMost: most.p95 },
      about: "the same; 95th percentile of the worst seed but one",
    },
    {
      name: `time.errorMsMax.${key}`, unit: "ms", measurement, bound: { atMost: most.error },
      about: "the same; the most",
    },
    {
      name: `time.beyondBound.${key}`, unit: "times", measurement, bound: { atMost: 0 },
      about: "how often the shown time was off by more than the bound that the node gave",
    },
    {
      name: `time.knownRounds.${key}`, unit: "rounds", measurement, bound: { atMost: most.rounds },
      about: "from switching on until all nodes know the time; 95th percentile",
    },
    {
      name: `time.hopsMax.${key}`, unit: "hops", measurement,
      about: "from the source to a node; the most",
    },
    {
      name: `time.bytes.${key}`, unit: "bytes", measurement, bound: { atMost: 2 },
      about: "of requests and answers, for each node and round at rest; mean",
    },
    {
      name: `time.aloneErrorMsMax.${key}`, unit: "ms", measurement, bound: { atMost: 1500 },
      about: "how far the time is off 6 hours after the source died; the most",
    },
  ];
}

/** Where nodes take the time from each other. */
export const timeFigures: readonly TimeFigure[] = [
  ...figuresOf("all50", "50 nodes of which one has a source", { error: 200, p95: 80, rounds: 8 }),
  ...figuresOf("line16", "a line of 16 nodes, the source at its end", { error: 300, p95: 150, rounds: 30 }),
];
