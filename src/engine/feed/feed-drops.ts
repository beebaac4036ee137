/**
 * Why an event, or a run of them, was refused. The numbers go on where drops.ts
 * ends, and are as stable.
 */
/** An event with a kind, topic, key, stamp or length that does not exist, or runs and parts that are malformed. */
export const DROP_EVENT = 14;
/** Does not chain to what is held: altered on the way, or its author said two things under one number. */
export const DROP_FORK = 15;
/** Starts beyond what is held; it is asked for again. */
export const DROP_GAP = 16;
/** Nothing in it is new. */
export const DROP_DUPLICATE = 17;
/** Of a generation that another has superseded. */
export const DROP_OLD_GENERATION = 18;
/** No room: the arena is full of values that are alive. */
export const DROP_ARENA_FULL = 19;
