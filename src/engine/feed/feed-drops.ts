/*
 * Why an event, or a run of them, was refused. The numbers go on where those of
 * drops.ts end, and are as stable.
 */
/** An event with a kind, topic, key, stamp or length that does not exist, or runs and parts that are malformed. */
export const DROP_EVENT = 18;
/** Does not chain to what is held: altered on the way, or its author said two things under one number. */
export const DROP_FORK = 19;
/** Starts beyond what is held; it is asked for again. */
export const DROP_GAP = 20;
/** Nothing in it is new. */
export const DROP_DUPLICATE = 21;
/** Of a generation that another has superseded. */
export const DROP_OLD_GENERATION = 22;
/** No room: the arena is full of values that are alive. */
export const DROP_ARENA_FULL = 23;
