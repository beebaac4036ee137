/*
 * What an event is, and where a clock has the time from. In a module of their own,
 * so that who only names them does not bring feeds along.
 */
/** Kept while there is room. */
export const KIND_LOG = 0;
/** The author's value of a topic and key, until the next one. */
export const KIND_SET = 1;
/** Ends the author's value of a topic and key. */
export const KIND_REMOVE = 2;

/** Nothing tells the time: stamps only count. */
export const CLOCK_NONE = 0;
/** The time is that of other nodes' stamps and what has passed since. */
export const CLOCK_PEER = 1;
/** The platform knows the time. */
export const CLOCK_OWN = 2;

// Bits of what `FeedProtocol.settle` decides. They stand here so that a program without feeds has none of their code.
/** This node lacks events: its own row of the author goes to the peer, which makes the peer send. */
export const SETTLE_SEND = 1;
/** The feed is forked: the peer shows another event under the same number. */
export const SETTLE_FORK = 2;
