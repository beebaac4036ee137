/*
 * The kinds of events, and the sources of the time. They are in a module of their own, so that
 * a program without feeds can import them without the code of feeds.
 */
/** One event of a log: kept while there is room. */
export const KIND_LOG = 0;
/** Sets the value of a topic and key, until the next event about them; in a merge topic, that of the author. */
export const KIND_SET = 1;
/** Removes the values of a topic and key, of all authors. */
export const KIND_REMOVE = 2;
/** Takes one event of the same feed out of it, and hides nothing else. */
export const KIND_END = 3;

/** The time is not known: stamps only count. */
export const CLOCK_NONE = 0;
/** The least possible time is known, from stamps of events that other nodes held before this node started. */
export const CLOCK_LATE = 1;
/** The time comes from the stamps of new events of other nodes, and from engine time. */
export const CLOCK_PEER = 2;
/** The time comes from the platform's clock. */
export const CLOCK_OWN = 3;

// Bits of what `FeedProtocol.settle` decides. They stand here so that a program without feeds has none of their code.
/** This node lacks events: its own row of the author goes to the peer, which makes the peer send. */
export const SETTLE_SEND = 1;
/** The feed is forked: the peer shows another event under the same number. */
export const SETTLE_FORK = 2;
