/*
 * Why a batch or a snapshot chunk was refused (PROTOCOL 10.4). The numbers follow those of
 * drops.ts, and are as stable.
 */
/** A malformed event, batch or chunk; an event that is too long; a stamp that does not rise. */
export const DROP_EVENT = 18;
/** The batch does not chain to the events that are held: it was changed on the way, or its author forked. */
export const DROP_FORK = 19;
/** The batch begins after the next event. This node requests the events again. */
export const DROP_GAP = 20;
/** No event of the batch is new. */
export const DROP_DUPLICATE = 21;
/** The batch is of a generation that a greater one has superseded. */
export const DROP_OLD_GENERATION = 22;
/** There is no room: live values fill the arena. */
export const DROP_ARENA_FULL = 23;
