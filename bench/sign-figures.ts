/** As `Figure`, which lists these. */
interface SignFigure {
  name: string;
  unit: string;
  measurement: string;
  bound?: { atMost?: number; atLeast?: number };
  about: string;
}

/** What signed feeds cost. */
export const signFigures: readonly SignFigure[] = [
  {
    name: "sign.bytes.run1", unit: "bytes", measurement: "sign.bytes",
    about: "what a signature adds to the section that brings an event to a peer, the first of a generation not "
      + "counted, which has 32 bytes more; the most",
  },
  {
    name: "sign.bytes.run8", unit: "bytes", measurement: "sign.bytes",
    about: "the same for a run of 8 events, the longest that a node signs",
  },
  {
    name: "sign.unsignedBytesPerNodePerRound.n50", unit: "bytes", measurement: "sign.course",
    about: "50 nodes without signatures that set a reading once a minute each: bytes that each node sends in a round, "
      + "for 20 minutes; mean",
  },
  {
    name: "sign.moreBytesPerNodePerRound.n50", unit: "bytes", measurement: "sign.course", bound: { atMost: 700 },
    about: "bytes that each node sends more when all sign; mean",
  },
  {
    name: "sign.verificationsPerEvent.n50", unit: "times", measurement: "sign.course", bound: { atMost: 1.05 },
    about: "signatures that a node verifies in the same network for each event that it receives; mean",
  },
  {
    name: "sign.joinVerificationsPerAuthor", unit: "times", measurement: "sign.join",
    about: "a node joins 100 authors that have signed 4 runs each: signatures that it verifies for each author until "
      + "it holds all of their events; 20 authors in the quick version",
  },
  {
    name: "sign.joinVerificationsPerSignature", unit: "times", measurement: "sign.join", bound: { atMost: 1 },
    about: "the same for each signature that it holds then",
  },
  {
    name: "sign.joinRounds", unit: "rounds", measurement: "sign.join",
    about: "until it holds all of their events; the most",
  },
  {
    name: "sign.restBytesPerNodePerRound.n3", unit: "bytes", measurement: "sign.refused",
    about: "3 nodes, of which an owner revoked one that published nothing since: what each sends in a round; mean",
  },
  {
    name: "sign.revokedBytesPerNodePerRound.n3", unit: "bytes", measurement: "sign.refused",
    bound: { atMost: 120 },
    about: "the same when it has published an event since, which the others refuse",
  },
  {
    name: "sign.revokedLongBytesPerNodePerRound.n3", unit: "bytes", measurement: "sign.refused",
    bound: { atMost: 500 },
    about: "the same after 100 events",
  },
  {
    name: "sign.relayRestBytesPerNodePerRound.n3", unit: "bytes", measurement: "sign.refused",
    about: "2 nodes and one without keys, when a node that was revoked and had not gone on is down; mean",
  },
  {
    name: "sign.relayBytesPerNodePerRound.n3", unit: "bytes", measurement: "sign.refused", bound: { atMost: 150 },
    about: "the same when it had gone on: the node without keys holds what the others refuse",
  },
];
