/*
 * What `Rows.merge` returns.
 */
export const MERGED_NOTHING = 0;
/** The statement is the one that is held, the state is higher. */
export const MERGED_STATE = 1;
/** A fresher statement of the owner replaced the one that was held. */
export const MERGED_FRESHER = 2;
/** Refused: the table is full of rows that may not be evicted for this one. */
export const MERGE_TABLE_FULL = 3;
/** The statement is the one that is held, and its value, which was awaited, arrived. The state did not change. */
export const MERGED_VALUE = 4;
