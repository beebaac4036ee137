/*
 * The numbers of a node that are not of a single row. They are the first words of `Rows.words`, in front of the rows,
 * so that their indexes are constants. On XS a word takes 4 bytes and a field of an object 16, and an object 16 more.
 * All are 0 at first.
 */

// `Stats`.
/** A count for each reason of a drop: DROP_REASONS. */
export const DROPS = 0;
export const DATAGRAMS_RECEIVED = DROPS + 28;
export const BYTES_RECEIVED = DATAGRAMS_RECEIVED + 1;
export const DATAGRAMS_SENT = BYTES_RECEIVED + 1;
export const BYTES_SENT = DATAGRAMS_SENT + 1;
/** The smallest table of a peer, then that peer's id. */
export const LEAST_CAPACITY = BYTES_SENT + 1;
/** `countAlike`. */
export const ALIKE = LEAST_CAPACITY + 2;
export const ROUNDS_ALONE = ALIKE + 1;
/** Bit k: something was refused for reason k since another node was live. */
export const REFUSED = ROUNDS_ALONE + 1;

// Faults: `notifications.ts`.
/** Bit k: a fault of kind k occurred. Bit k + 16: the application was notified of it. */
export const FAULTS = REFUSED + 1;
export const FORK_SLOT = FAULTS + 1;
export const FEEDLESS_SLOT = FORK_SLOT + 1;
/** Slot or address, and detail, of NOTIFY_LIMITS, NOTIFY_NETWORK or NOTIFY_SEALED. An input has one peer at most. */
export const FAULTY_PEER = FEEDLESS_SLOT + 1;
export const FAULT_DETAIL = FAULTY_PEER + 1;

/** The state of `random.ts`. */
export const RANDOM = FAULT_DETAIL + 1;

/** `Rows`: rows but tombstones. */
export const COUNTED = RANDOM + 4;
/** `Suspicion`: how much longer rows that are UP stay so than their deadlines say, in ms. */
export const GROWN_MS = COUNTED + 1;
export const REMOVE_AFTER_MS = GROWN_MS + 1;
/** Not later than the first deadline of any row. */
export const EARLIEST_DEADLINE = REMOVE_AFTER_MS + 1;

// `OwnRow`.
/** When the next statement is due even if nothing changes. */
export const KEEPALIVE_DEADLINE = EARLIEST_DEADLINE + 1;
/** 1: another device uses this node's id. */
export const IS_CONTESTED = KEEPALIVE_DEADLINE + 1;
/** Uptime in seconds from which RECOVERIES_MAX recoveries are free again. Each recovery adds RECOVERY_ROUNDS. */
export const RECOVERED_AT = IS_CONTESTED + 1;
export const HEARTBEAT_BASE = RECOVERED_AT + 1;

// `Seeds`.
export const SEED_COUNT = HEARTBEAT_BASE + 1;
export const SEEDS_PINNED = SEED_COUNT + 1;
export const SEED_CAPACITY = SEEDS_PINNED + 1;
/** Index of the first seed, behind the rows. */
export const SEEDS_AT = SEED_CAPACITY + 1;
export const BROADCAST_ADDRESS = SEEDS_AT + 1;
export const SEED_OWN_ADDRESS = BROADCAST_ADDRESS + 1;
export const SEED_OWN_PORT = SEED_OWN_ADDRESS + 1;

// `Probes`.
export const PROBE_COUNT = SEED_OWN_PORT + 1;
/** How long a first attempt waits. */
export const PROBE_TIMEOUT_MS = PROBE_COUNT + 1;
/** Eight times the smoothed answer time; 0 before the first measurement. Four times its deviation. */
export const ANSWER_MS_8 = PROBE_TIMEOUT_MS + 1;
export const DEVIATION_MS_4 = ANSWER_MS_8 + 1;
/** PROBES_MAX probes. */
export const PROBES = DEVIATION_MS_4 + 1;

// `ProbeOrder`.
/** Nodes that one pass has at most. */
export const NEIGHBOURS_MAX = PROBES + 40;
export const PASS_LENGTH = NEIGHBOURS_MAX + 1;
export const PASS_POSITION = PASS_LENGTH + 1;
/** 1: many nodes are out of reach, as of the last round. */
export const IS_PARTIAL = PASS_POSITION + 1;

// `Rounds`.
export const LOCAL_HEALTH = IS_PARTIAL + 1;
export const ROUND_DEADLINE = LOCAL_HEALTH + 1;
export const ROUNDS_TO_RETRY = ROUND_DEADLINE + 1;
/**
 * In bits 0 and 1: the base-2 logarithm of the rounds between two retries. These are 1 at first, then 2, 4 and
 * RETRY_ROUNDS. Above: tries in a row without a live row, up to LONE_TRIES.
 */
export const TRIES = ROUNDS_TO_RETRY + 1;
export const SEARCH_ROUNDS = TRIES + 1;
export const SPREAD_DEADLINE = SEARCH_ROUNDS + 1;
export const SPREAD_WANTED = SPREAD_DEADLINE + 1;
export const RECEIVED_MS = SPREAD_WANTED + 1;
export const ANSWERS_LEFT = RECEIVED_MS + 1;
/** EARLY_PROBE_WORDS, then INDIRECT_PROBE_WORDS. */
export const EARLY_PROBES = ANSWERS_LEFT + 1;
export const INDIRECT_PROBES = EARLY_PROBES + 2;

// `Outbox`.
/** 4 intents of 6 words. */
export const INTENTS = INDIRECT_PROBES + 18;
export const INTENT_COUNT = INTENTS + 24;
/** The intent to send next. */
export const INTENT_NEXT = INTENT_COUNT + 1;
/** Rows for the peer that is answered, and how many of them are sent. */
export const TO_SEND_COUNT = INTENT_NEXT + 1;
export const TO_SEND_NEXT = TO_SEND_COUNT + 1;
/** What the answer to the peer has: `ANSWER_` bits of `outbox-words.ts`. */
export const ANSWER = TO_SEND_NEXT + 1;
export const ANSWER_BYTES_LEFT = ANSWER + 1;
/** The flags of all frames, FLAG_NETWORK if the network has a name, and the hash of that name. */
export const HEAD_FLAGS = ANSWER_BYTES_LEFT + 1;
export const NETWORK = HEAD_FLAGS + 1;
export const FRAMES_LEFT = NETWORK + 1;
export const WANT_COUNT = FRAMES_LEFT + 1;
export const WANT_NEXT = WANT_COUNT + 1;
/** Index of the first id that is wanted, behind the rows. */
export const WANTS_AT = WANT_NEXT + 1;
/** The most datagrams of a burst that this node sends or takes. */
export const BURST_MOST = WANTS_AT + 1;
/** The last window that this node showed a peer; 0: none. And the counter of the frame with it. */
export const WINDOW = BURST_MOST + 1;
export const WINDOW_COUNTER = WINDOW + 1;
/** Counter of the last frame with a summary of all rows. */
export const SUMMARIZED_AT = WINDOW_COUNTER + 1;
export const DATAGRAM_BYTES_MAX = SUMMARIZED_AT + 1;

// `SummaryWriter`: what is being listed.
/** The order key to begin with: not 0 if the last burst had no room for the rest. */
export const FIRST_KEY = DATAGRAM_BYTES_MAX + 1;
/** Order key at which the room ended. */
export const CUT_KEY = FIRST_KEY + 1;
/**
 * Where the next burst begins; 0 when the last one had room for everything. Lists of ids and lists of fingerprints
 * each have their own: they take turns, and one that ends must not end the other.
 */
export const NEXT_KEYS = CUT_KEY + 1;
/** The base-2 logarithm of the number of ranges. */
export const RANGES_LOG = NEXT_KEYS + 2;
/** The section for the marked ranges: SECTION_ROW_FINGERPRINTS, or SECTION_DIGEST if the peer holds other nodes. */
export const MARKED_SECTION = RANGES_LOG + 1;
export const MARKED_COUNT = MARKED_SECTION + 1;
/** Index of the marks, behind the rows: a bit for each range or, while no range is marked, a sketch. */
export const MARKS_AT = MARKED_COUNT + 1;
/** Counter of the last frame with a sketch. */
export const SKETCHED_AT = MARKS_AT + 1;
/** For how many more inputs no sketch is tried, and the number of rows at the last one. */
export const SKETCH_PAUSE = SKETCHED_AT + 1;
export const ROWS_BEFORE = SKETCH_PAUSE + 1;
export const ROW_FINGERPRINTS_BYTES_MAX = ROWS_BEFORE + 1;

/** Number of these words. */
export const NODE_WORDS = ROW_FINGERPRINTS_BYTES_MAX + 1;
