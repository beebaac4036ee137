import { TIME_WORDS } from "./author-clocks.js";

/*
 * The numbers of a node that belong to no single feed: the first words of the arena
 * (`FeedStore.state`). On XS a field of an object takes 16 bytes, a word 4. All are 0 at first. Engine times are
 * uint32.
 */

// What the own feed keeps: `branch-filter.ts`, `join.ts`, `OwnFeed`.
/** Stamp of the first own event since the start, two words; 0: there is none. */
export const BIRTH = 0;
/** The table of `author-clocks.ts` and `step-back.ts`. Not at 0, which stands for no place in it. */
export const TIME = BIRTH + 2;
/** Stamp below which own events since the start were dropped, two words. */
export const DROPPED = TIME + TIME_WORDS;
/** The floor of the own feed at the birth, or when its generation began. */
export const BIRTH_FLOOR = DROPPED + 2;
/** 1: the node has published events since the start. */
export const HAS_PUBLISHED = BIRTH_FLOOR + 1;
/** Sequence number of the first event of this generation that was published since the start; 0: there is none. */
export const FIRST_PUBLISHED = HAS_PUBLISHED + 1;
/** How far a peer holds the own feed, if that is beyond what this node holds; 0: none does. */
export const AHEAD_GENERATION = FIRST_PUBLISHED + 1;
export const AHEAD_SEQUENCE = AHEAD_GENERATION + 1;
/** While a log is read: the sequence number at which its snapshot ends, and the tip there; 0: no snapshot. */
export const LOG_BASE = AHEAD_SEQUENCE + 1;
export const LOG_BASE_FIRST = LOG_BASE + 1;
export const LOG_BASE_SECOND = LOG_BASE_FIRST + 1;
/** Whether the log had own events at the start: a `LOG_` constant of `own-feed.ts`. */
export const LOG_STATE = LOG_BASE_SECOND + 1;
/** 1: events are held behind a hole, as the log was damaged. */
export const HAS_HOLE = LOG_STATE + 1;
/** Engine time at which a hole of the own feed is given up, odd; 0: no peer has answered. */
export const HOLE_DEADLINE = HAS_HOLE + 1;
/** Ends of branches that the own feed includes, the newest first: generation, sequence number and tip of each. */
export const JOINED_ENDS = HOLE_DEADLINE + 1;
export const JOINED_END_WORDS = 3;
export const JOINED_ENDS_MAX = 4;

// The branch that is being read: `branch.ts`.
/** The slot of the feed, plus 1; 0: no branch is being read. */
export const BRANCH_OF = JOINED_ENDS + JOINED_ENDS_MAX * JOINED_END_WORDS;
/** The author in that slot when the branch began. */
export const BRANCH_AUTHOR = BRANCH_OF + 1;
/** Engine times of the beginning and of the last progress. */
export const BRANCH_BEGUN = BRANCH_AUTHOR + 1;
export const BRANCH_PROGRESS = BRANCH_BEGUN + 1;
/** Engine time before which no branch begins, odd; 0: none. */
export const BRANCH_PAUSED = BRANCH_PROGRESS + 1;

// The author whose consent is awaited: `consent.ts`.
/** The author's id; 0: none. */
export const CONSENT_AUTHOR = BRANCH_PAUSED + 1;
/** Engine times of the beginning and of the next probe. */
export const CONSENT_SINCE = CONSENT_AUTHOR + 1;
export const CONSENT_PROBE = CONSENT_SINCE + 1;

// `Upkeep`.
/** Index of the record at which the next visit begins. */
export const UPKEEP_CURSOR = CONSENT_PROBE + 1;
/** Copies for rows that were forgotten, less those that the rounds since then allow. */
export const UPKEEP_ADOPTED = UPKEEP_CURSOR + 1;
/** A count that wraps, for `stats()`. */
export const VALUES_FORGOTTEN = UPKEEP_ADOPTED + 1;
/** 1: a peer with feeds has answered since the start. */
export const HAS_MET = VALUES_FORGOTTEN + 1;

// What is kept for one frame: `FeedOutbox`, `FeedProtocol`.
/** The peer's claim on the own feed. */
export const CLAIM_GENERATION = HAS_MET + 1;
export const CLAIM_SEQUENCE = CLAIM_GENERATION + 1;
export const CLAIM_TIP = CLAIM_SEQUENCE + 1;
/** The slot of an author that is probed with its row, for consent, plus 1; 0: none. */
export const PROBED = CLAIM_TIP + 1;
/** The slot of the feed of which the frame had new history, plus 1; 0: none. */
export const HISTORY_OF = PROBED + 1;
/** Number of feeds of which the peer gets events. */
export const TO_SEND_COUNT = HISTORY_OF + 1;
/** The slot to begin with. Each input begins with the next one, so that all feeds have their turn. */
export const OUTBOX_TURN = TO_SEND_COUNT + 1;

/** The feeds hash of the last frame that had one, and the counter of the first frame that had this one. */
export const SHOWN_FEEDS = OUTBOX_TURN + 1;
export const SHOWN_SINCE = SHOWN_FEEDS + 1;

// `Gaps`.
/** The slot with which the next GAP begins. */
export const GAP_TURN = SHOWN_SINCE + 1;
/** The slot of the feed whose history goes to the peer, plus 1; 0: none. The peer holds it from `SEND_BELOW` on. */
export const SEND_HISTORY_OF = GAP_TURN + 1;
export const SEND_BELOW = SEND_HISTORY_OF + 1;

/** 1: the answer to the peer has another request. */
export const GAP_REQUESTED = SEND_BELOW + 1;

/** How many feeds were dropped: a count that wraps. */
export const DROPPED_FEEDS = GAP_REQUESTED + 1;

// What `BatchWriter` keeps for one section.
/** Where in the frame the events are that are written in full, so that they may be references of deltas. */
export const REFERENCES = DROPPED_FEEDS + 1;
export const REFERENCES_MAX = 6;
export const REFERENCE_COUNT = REFERENCES + REFERENCES_MAX;
/** Of the event before in the batch: its reference, and its step in milliseconds. 0: there is none. */
export const LAST_REFERENCE = REFERENCE_COUNT + 1;
export const LAST_STEP = LAST_REFERENCE + 1;

/** 1: the chunk that was written last is the last one of its snapshot. */
export const CHUNK_IS_LAST = LAST_STEP + 1;

// `Intake`: how many events the last call applied, and how many of these are too long for this node.
export const APPLIED = CHUNK_IS_LAST + 1;
export const PASSED = APPLIED + 1;
/** 1: calls are for a branch of the own feed. */
export const IS_OF_OWN_BRANCH = PASSED + 1;

// `Gaps`: 1: an answer had history.
export const HISTORY_SENT = IS_OF_OWN_BRANCH + 1;
/** 1: this node fills the gaps in its own feeds. */
export const IS_FILLING = HISTORY_SENT + 1;

// `FeedOutbox`.
/** 1: the own feed is withheld. */
export const OWN_WITHHELD = IS_FILLING + 1;
/** 1: any feed has notes from the last input. */
export const IS_NOTED = OWN_WITHHELD + 1;

/** What the frame that is handled had: `HAD_` bits of `branches.ts`. */
export const HAD = IS_NOTED + 1;

/** The feeds hash. */
export const FEEDS_HASH = HAD + 1;

// `BatchData`: the head of the batch or chunk that is being read.
export const BATCH_AUTHOR = FEEDS_HASH + 1;
export const BATCH_GENERATION = BATCH_AUTHOR + 1;
export const BATCH_FIRST = BATCH_GENERATION + 1;
export const BATCH_COUNT = BATCH_FIRST + 1;
export const BATCH_CHECK = BATCH_COUNT + 1;
export const BATCH_BASE = BATCH_CHECK + 1;
export const BATCH_LAST_REMOVAL = BATCH_BASE + 1;
/** Two words. */
export const BATCH_TIP = BATCH_LAST_REMOVAL + 1;
export const BATCH_START = BATCH_TIP + 2;
export const BATCH_START_COUNTER = BATCH_START + 1;

// `Arena`.
/** Indexes of the first list of the index by name, of the first word of the arena, and of the first free word. */
export const ARENA_LISTS = BATCH_START_COUNTER + 1;
export const ARENA_START = ARENA_LISTS + 1;
export const ARENA_END = ARENA_START + 1;
/** Words of the records that were freed since the last `compact`. */
export const FREED_WORDS = ARENA_END + 1;
/** The application has not been notified of the records from here on. */
export const UNNOTIFIED = FREED_WORDS + 1;
/** Number of records with RECORD_GONE. */
export const GONE_COUNT = UNNOTIFIED + 1;

// `Room`.
/** How many removals were dropped for want of room: a count that wraps. */
export const REMOVALS_FORGOTTEN = GONE_COUNT + 1;
/** Words of all records that are not live. */
export const SPARE_WORDS = REMOVALS_FORGOTTEN + 1;

/** Number of these words. */
export const STATE_WORDS = SPARE_WORDS + 1;
