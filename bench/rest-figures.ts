import type { Figure } from "./figure.js";

/** What networks send while nothing or little happens. */
export const restFigures: Figure[] = [
  ...[8, 50, 200, 500].map((nodes): Figure => ({
    name: `wire.bytesPerNodePerRound.rest8.n${nodes}`, unit: "bytes", measurement: `rest.n${nodes}`,
    about: `bytes that each of ${nodes} nodes sends in a round, in the worst 8 rounds after the first 16; all are `
      + "switched on together, and nothing changes",
    bound: { atMost: 60 },
  })),
  {
    name: "wire.bytesPerNode.powerOn.n500", unit: "bytes", measurement: "rest.n500",
    about: "bytes that each of 500 nodes sends in rounds 8 to 63 after they are switched on; mean",
  },
  ...[50, 200, 500].map((nodes): Figure => ({
    name: `wire.bytesPerNodePerRound.change.n${nodes}`, unit: "bytes", measurement: `change.n${nodes}`,
    about: `bytes that each of ${nodes} nodes sends in a round in which one node shares another value; median`,
  })),
  ...[50, 200].map((nodes): Figure => ({
    name: `wire.bytesPerNodePerRound.share.n${nodes}`, unit: "bytes", measurement: `share.n${nodes}`,
    about: `bytes that each of ${nodes} nodes sends in a round in which each of them shares another value; median`,
  })),
];
