import { ANSWERED_MAX, clearAnswers, countAnswer } from "./answers.js";
import { UNMARKED_ROWS_MAX, changeWords, markChange } from "./changes.js";
import { compareFreshness } from "./freshness.js";
import { type FeedsHash, TableHash, orderKey } from "./hash.js";
import type { Clock } from "../clock.js";
import { COUNTED, NODE_WORDS } from "./node-words.js";
import { leastWorth } from "./least-worth.js";
import { MERGED_FRESHER, MERGED_NOTHING, MERGED_STATE, MERGED_VALUE, MERGE_TABLE_FULL } from "./merged.js";
import { seekId, seekPlace } from "./seek-place.js";
import {
  PEER_HOLDS, TRANSMITS_MAX, UPDATES_MAX, UPDATE_URGENT, afterTransmit, bitOf, countTransmits, digitsOf, transmitsOf,
} from "./transmits.js";
import { AWAKE, type RowData } from "./row-data.js";
import {
  ADDRESS, DEADLINE, FLAGS, HALVES, HEARTBEAT, ID, LENGTH_SHIFT, PORT, REVISION, ROW_BYTES,
  LIST_TO_SEND, ROW_HALVES, STATE_BITS, STATE_MASK, STATE_SHIFT, VIA, WORDS,
} from "./row-layout.js";
import {
  FLAG_ANY_LOST, FLAG_AWAITS_VALUE, FLAG_FOREIGN, FLAG_HELD, FLAG_LIMITS, FLAG_NEIGHBOUR, FLAG_NOTIFY_UPDATE,
  FLAG_PROVEN, FLAG_REMOTE, FLAG_SENT_AS_UPDATE, FLAG_TO_SEND,
} from "./row-flags.js";
import { ASLEEP, REMOVE, SUSPECT, UP, isCounted } from "./states.js";
import { LINE_ADDRESSES, type Media, isReached, isTrusted } from "./subnets.js";

export { RowData } from "./row-data.js";
export {
  FLAG_ADDRESS_GIVEN, FLAG_FOREIGN, FLAG_LAST_PROBE, FLAG_LIMITS, FLAG_NEIGHBOUR, FLAG_NOTIFY_STATE,
  FLAG_NOTIFY_UPDATE, FLAG_PROBED, FLAG_PROVEN, FLAG_REMOTE, FLAG_SENT_AS_UPDATE, FLAG_TO_SEND, FLAG_VOUCHED,
  FLAG_WINDOW,
} from "./row-flags.js";
export { LIST_PROBE_ORDER, LIST_TO_SEND, ROW_BYTES } from "./row-layout.js";
export { MERGED_FRESHER, MERGED_NOTHING, MERGED_STATE, MERGED_VALUE, MERGE_TABLE_FULL } from "./merged.js";
export { TRANSMITS_MAX } from "./transmits.js";

/** The slot of the node's own row. */
export const OWN_SLOT = 0;

/** Behind the uint16 columns: the slots from, and to below, which rows may have transmits left. */
const UPDATES_HALVES = 2;
/** Bytes of a table beside its rows: the node's words, UPDATES_HALVES, and the list of `countAnswer`. */
const TABLE_BYTES = 4 * NODE_WORDS + 2 * (UPDATES_HALVES + ANSWERED_MAX);
/**
 * The network state: one row per node, in typed arrays over a preallocated buffer. A row stays in its slot while it is
 * held. `slotAt` gives them in ascending order of `orderKey`. The capacity is 1 to 65,535 rows; a row takes `ROW_BYTES`
 * and `valueBytesMax`. Only `merge`, `setState` and `setStatement` write revision, heartbeat and state, and the hash.
 */
export class Rows {
  readonly capacity: number;
  readonly valueBytesMax: number;
  count = 0;
  /** Rows with changes to notify are in slots from `changesFrom` to below `changesEnd`. */
  changesFrom = 0;
  changesEnd = 0;
  /** Over all rows except tombstones: equal hashes mean equal network states. */
  readonly tableHash = new TableHash();
  /** Over the feeds of the same rows; undefined in a node without feeds. */
  declare feedsHash: FeedsHash | undefined;
  /** Called before a row is forgotten or evicted. Returns false if it may not be removed in this input. */
  declare beforeRemove: ((slot: number) => boolean) | undefined;
  /** Of the engine, for deadlines. `Suspicion` sets it. */
  declare clock: Clock | undefined;
  /** Bit n: a row may have n transmits left. For urgent rows, n is 20 less: see `bitOf`. */
  private transmits = 0;
  /** Where the last search ended: the next search is often for the same row or the one after it. */
  private lastPlace = 0;
  /** Where an earlier one ended: an input is about its sender and the row that it brings, again and again. */
  private otherPlace = 0;
  /** Subnets that the node trusts, as `isTrusted` has them; undefined: all addresses. */
  declare readonly subnets: Uint32Array | undefined;
  declare readonly media: Media | undefined;

  /**
   * The node's words, as in node-words.ts; then by slot, as in row-layout.ts, those of rows, which are read only; then
   * the marks of `changes.ts`.
   */
  readonly words: Uint32Array;
  /** First the slots in the order of keys, so that a range of them moves at once; then the uint16 columns; lists. */
  private readonly halves: Uint16Array;
  /** All values, then the transmits left of all rows, so that these can be searched. */
  private readonly bytes: Uint8Array;

  /** @param poolWords so many words at the end of `words` are for other tables: see `WordPool` */
  constructor(capacity: number, valueBytesMax: number, subnets?: Uint32Array, media?: Media, poolWords?: number) {
    if (subnets !== undefined) this.subnets = subnets;
    if (media !== undefined) this.media = media;
    this.capacity = capacity;
    this.valueBytesMax = valueBytesMax;
    const more = changeWords(capacity) + (poolWords ?? 0);
    const buffer = new ArrayBuffer(TABLE_BYTES + capacity * (ROW_BYTES + valueBytesMax) + more * 4);
    this.words = new Uint32Array(buffer, 0, NODE_WORDS + capacity * WORDS + more);
    this.halves = new Uint16Array(buffer, this.words.byteLength, capacity * HALVES + UPDATES_HALVES + ANSWERED_MAX);
    this.bytes = new Uint8Array(buffer, this.words.byteLength + this.halves.byteLength);
    for (let i = 0; i < capacity; i++) this.halves[i] = i;
  }

  /** The number of rows but tombstones. */
  get counted(): number { return this.words[COUNTED]; }
  id(slot: number): number { return this.words[slot * WORDS + ID]; }
  address(slot: number): number { return this.words[slot * WORDS + ADDRESS]; }
  port(slot: number): number { return this.halves[this.capacity + slot * ROW_HALVES + PORT]; }
  /** Whether a row has this address. */
  isAt(slot: number, address: number, port: number): boolean {
    return this.words[slot * WORDS + ADDRESS] === address
      && this.halves[this.capacity + slot * ROW_HALVES + PORT] === port;
  }
  /** Whether this statement of the node is the one that is held. */
  hasStatement(slot: number, revision: number, heartbeat: number): boolean {
    return this.words[slot * WORDS + HEARTBEAT] === heartbeat && this.words[slot * WORDS + REVISION] === revision;
  }
  revision(slot: number): number { return this.words[slot * WORDS + REVISION]; }
  heartbeat(slot: number): number { return this.words[slot * WORDS + HEARTBEAT]; }
  state(slot: number): number {
    const state = (this.words[slot * WORDS + FLAGS] >>> STATE_SHIFT) & STATE_BITS;
    return state === ASLEEP ? UP : state;
  }
  /** All flags of a row, with its state and the length of its value: see `row-layout.ts`. */
  word(slot: number): number { return this.words[slot * WORDS + FLAGS]; }
  /** Whether the node is UP and said that it sleeps until the row's deadline. */
  isAsleep(slot: number): boolean { return (this.words[slot * WORDS + FLAGS] & STATE_MASK) === ASLEEP << STATE_SHIFT; }
  /** Sets a row that is UP asleep: until so many seconds from now, and a round, which is for delays. */
  setAsleep(slot: number, seconds: number): void {
    const clock = this.clock;
    this.words[slot * WORDS + FLAGS] |= ASLEEP << STATE_SHIFT;
    if (clock !== undefined) this.setDeadline(slot, clock.nowMs + seconds * 1000 + clock.roundIntervalMs);
  }
  /**
   * Slot of the node whose frame brought the statement that is held; OWN_SLOT when that node is gone. It is the way to
   * the row's node, as in B.A.T.M.A.N., whose nodes keep the neighbour that passed on an originator's message first.
   */
  via(slot: number): number { return this.halves[this.halfAt(slot, VIA)]; }
  setVia(slot: number, via: number): void { this.halves[this.halfAt(slot, VIA)] = via; }
  /** Engine time at which the row's state ends; without meaning while the node is UP and a neighbour. */
  deadline(slot: number): number { return this.words[slot * WORDS + DEADLINE]; }
  /** Frames that the row still rides along on, plus UPDATE_URGENT if it is urgent; 0 when it is no update. */
  transmitsLeft(slot: number): number { return this.bytes[this.transmitsAt(slot)] & ~PEER_HOLDS; }
  /** Bytes of the value that is held; 0 for none. */
  valueLength(slot: number): number { return this.isValueTooLong(slot) ? 0 : this.word(slot) >>> LENGTH_SHIFT; }
  /** Whether the node shares a value longer than `valueBytesMax`: only its length is held. */
  isValueTooLong(slot: number): boolean { return this.word(slot) >>> LENGTH_SHIFT > this.valueBytesMax; }
  /** Whether the node shares a value that is not held. */
  lacksValue(slot: number): boolean { return this.isValueTooLong(slot) || this.hasFlag(slot, FLAG_AWAITS_VALUE); }
  hasFlag(slot: number, flag: number): boolean { return (this.words[slot * WORDS + FLAGS] & flag) !== 0; }

  /** The bytes in which a row's value starts at `valueStart(slot)`. Read only. */
  valueBytes(): Uint8Array { return this.bytes; }
  valueStart(slot: number): number { return slot * this.valueBytesMax; }
  setDeadline(slot: number, deadline: number): void { this.words[slot * WORDS + DEADLINE] = deadline; }
  /** Makes a row an update: it rides along on `transmitsOfUpdate` frames. */
  markUpdate(slot: number): void { this.setTransmitsLeft(slot, this.transmitsOfUpdate()); }
  /** Makes a row an update that goes before others: suspicions, and statements that refute them. */
  markUrgentUpdate(slot: number): void { this.setTransmitsLeft(slot, UPDATE_URGENT + this.transmitsOfUrgent()); }
  /** Subtracts one of a row's transmits: it was sent, or a peer was found to hold the row already. */
  countTransmit(slot: number): void {
    const left = this.transmitsLeft(slot);
    if (left > 0) this.setTransmitsLeft(slot, afterTransmit(left));
  }
  /** The peer that is answered holds the row: it does not ride along on the answer. That is one transmit fewer. */
  notePeerHolds(slot: number): void {
    if (this.bytes[this.transmitsAt(slot)] > 0) this.bytes[this.transmitsAt(slot)] |= PEER_HOLDS;
  }
  /** The row rides along on the frame that is being written. That is one transmit fewer, too. */
  noteSent(slot: number): void {
    this.setFlag(slot, FLAG_SENT_AS_UPDATE);
    this.notePeerHolds(slot);
  }
  /** The most transmits, below a number, that any row has left; 0 when there is none. */
  mostTransmitsLeft(below: number): number {
    for (let bit = bitOf(below) - 1; bit > 0 && this.mayHaveUpdates(); bit--) {
      if (((this.transmits >>> bit) & 1) === 0) continue;
      const transmits = transmitsOf(bit);
      if (this.nextUpdate(0, transmits) < this.capacity) return transmits;
      if (this.nextUpdate(0, transmits | PEER_HOLDS) === this.capacity) this.transmits &= ~(1 << bit);
    }
    return 0;
  }
  /** Whether rows may have transmits left. After `mostTransmitsLeft` found none: whether the peer holds such rows. */
  mayHaveUpdates(): boolean { return this.transmits !== 0; }
  /** Whether an urgent row has transmits left. */
  hasUrgentUpdate(): boolean { return this.mostTransmitsLeft(TRANSMITS_MAX + 1) > UPDATE_URGENT; }
  /** The first slot, from `slot` on, whose row has `transmits` left; the capacity when there is none. */
  nextUpdate(slot: number, transmits: number): number {
    const first = this.halves[this.capacity * HALVES];
    const from = slot > first ? slot : first;
    if (from >= this.halves[this.capacity * HALVES + 1]) return this.capacity;
    const start = this.bytes.length - this.capacity;
    const at = this.bytes.indexOf(transmits, start + from);
    return at < 0 ? this.capacity : at - start;
  }
  /** Whether more than UPDATES_MAX rows, not urgent and not held by the peer, have more transmits left than `least`. */
  hasManyUpdates(least: number): boolean {
    const at = this.capacity * HALVES;
    const start = this.bytes.length - this.capacity;
    let room = UPDATES_MAX;
    for (let slot = this.halves[at]; slot < this.halves[at + 1] && room >= 0; slot++) {
      const left = this.bytes[start + slot];
      if (left > least && left < UPDATE_URGENT) room--;
    }
    return room < 0;
  }
  /** A frame was written, or a peer holds all rows: see `transmits.ts`. */
  countTransmits(all: boolean): void {
    if (this.transmits === 0) return;
    const at = this.capacity * HALVES;
    this.transmits = countTransmits(this.words, this.bytes, this.capacity, this.halves[at], this.halves[at + 1], all);
  }

  setTransmitsLeft(slot: number, transmits: number): void {
    this.bytes[this.transmitsAt(slot)] = transmits;
    if (transmits === 0) return;
    const halves = this.halves;
    const at = this.capacity * HALVES;
    const isFirst = this.transmits === 0;
    if (isFirst || slot < halves[at]) halves[at] = slot;
    if (isFirst || slot >= halves[at + 1]) halves[at + 1] = slot + 1;
    this.transmits |= 1 << bitOf(transmits);
  }
  setFlag(slot: number, flag: number): void { this.words[slot * WORDS + FLAGS] |= flag; }
  /** The node in a slot is out of reach. */
  setRemote(slot: number): void {
    this.setFlag(slot, FLAG_REMOTE);
    this.setFlag(OWN_SLOT, FLAG_ANY_LOST);
  }
  clearFlag(slot: number, flag: number): void { this.words[slot * WORDS + FLAGS] &= ~flag; }
  /** Marks a change for a notification: FLAG_NOTIFY_UPDATE or FLAG_NOTIFY_STATE. */
  noteChange(slot: number, flag: number): void {
    this.setFlag(slot, flag);
    if (this.changesEnd === 0 || slot < this.changesFrom) this.changesFrom = slot;
    if (slot >= this.changesEnd) this.changesEnd = slot + 1;
    if (this.capacity > UNMARKED_ROWS_MAX) markChange(this.words, this.capacity, slot);
  }
  /** 2 + ⌈log4(rows + 1)⌉, 2 to 10: updates that are missing where they ended are found by hashes. */
  transmitsOfUpdate(): number { return 2 + digitsOf(this.count, 2); }
  /** 3 + ⌈log2(rows + 1)⌉, 4 to 19: for what no hash shows to be missing, or must not wait for that. */
  transmitsOfUrgent(): number { return 3 + digitsOf(this.count, 1); }
  /** Counts an answer to a SYN of another node. Returns the number since `clearAnswers`: ANSWERS_MAX + 1 at most. */
  countAnswer(slot: number): number { return countAnswer(this.words, this.halves, slot); }
  clearAnswers(): void { clearAnswers(this.words, this.halves, this.capacity); }

  setAddress(slot: number, address: number, port: number): void {
    if (!this.isAt(slot, address, port)) {
      // Nothing is known of the link to another address.
      this.clearFlag(slot, FLAG_PROVEN | FLAG_NEIGHBOUR | FLAG_REMOTE);
      this.words[slot * WORDS + ADDRESS] = address;
      this.halves[this.halfAt(slot, PORT)] = port;
    }
    // What is never asked is as good as out of reach.
    if (!this.trusts(address)) this.setRemote(slot);
  }
  /** Whether frames of an address are accepted, and it may be asked. */
  trusts(address: number): boolean {
    if (address < LINE_ADDRESSES && this.subnets === undefined && this.media === undefined) return true;
    return isReached(this.media, address) && isTrusted(this.subnets, address);
  }
  /** Whether a slot holds a row. It does not if the row was removed after the slot was looked up. */
  isHeld(slot: number): boolean { return this.hasFlag(slot, FLAG_HELD); }
  /** Two lists of slots of other parts: LIST_PROBE_ORDER and LIST_TO_SEND. Entries may outlive rows. */
  listed(list: number, index: number): number { return this.halves[this.capacity * list + index]; }
  /** Puts a row into LIST_TO_SEND at an index, unless it is there already. Returns whether it did. */
  listToSend(index: number, slot: number): boolean {
    const at = slot * WORDS + FLAGS;
    const word = this.words[at];
    if ((word & FLAG_TO_SEND) !== 0) return false;
    this.words[at] = word | FLAG_TO_SEND;
    this.halves[this.capacity * LIST_TO_SEND + index] = slot;
    return true;
  }
  setListed(list: number, index: number, slot: number): void { this.halves[this.capacity * list + index] = slot; }
  /** The slot of the row at a place, 0 to count - 1, in the order of `orderKey`. */
  slotAt(place: number): number { return this.halves[place]; }
  /** The place of the first row whose order key is not below `key`; `count` when there is none. */
  placeOf(key: number): number {
    if (this.isPlaceOf(this.lastPlace, key)) return this.lastPlace;
    const last = this.lastPlace;
    const isOther = this.isPlaceOf(this.otherPlace, key);
    this.lastPlace = isOther ? this.otherPlace : seekPlace(this.words, this.halves, this.count, key);
    this.otherPlace = last;
    return this.lastPlace;
  }
  private isPlaceOf(place: number, key: number): boolean {
    return place <= this.count && (place === this.count || this.orderKeyAt(place) >= key)
      && (place === 0 || this.orderKeyAt(place - 1) < key);
  }

  /** Whether hashes and fingerprints include the row at a place. */
  isCountedAt(place: number): boolean {
    return ((this.words[this.halves[place] * WORDS + FLAGS] >>> STATE_SHIFT) & STATE_BITS) !== REMOVE;
  }
  /** The order key of the row at a place. */
  orderKeyAt(place: number): number { return orderKey(this.words[this.halves[place] * WORDS + ID]); }
  /** The slot of a row, or -1. */
  find(id: number): number {
    const slot = this.halves[this.lastPlace];
    return this.words[slot * WORDS + ID] === id && this.lastPlace < this.count ? slot : this.findElsewhere(id);
  }

  private findElsewhere(id: number): number {
    const words = this.words;
    const slots = this.halves;
    const count = this.count;
    const last = this.lastPlace;
    let place = last + 1;
    if (place >= count || words[slots[place] * WORDS + ID] !== id) {
      place = this.otherPlace;
      this.otherPlace = last;
      if (place >= count || words[slots[place] * WORDS + ID] !== id) place = seekId(words, slots, count, id);
    }
    this.lastPlace = place;
    return place < count && words[slots[place] * WORDS + ID] === id ? slots[place] : -1;
  }
  /**
   * Applies a statement about a node if it is fresher than the one held. Returns one of the MERGE codes. After
   * MERGED_STATE and MERGED_FRESHER, `find` finds the row.
   *
   * An owner makes one statement, with one value and address, per revision and heartbeat. Over such statements `merge`
   * is a join: order and repetition of merges do not matter. Of a value longer than `valueBytesMax` only the length is
   * kept. A row without its value leaves the value of an earlier statement in place until its own arrives.
   *
   * @param from the bytes that contain the row's value
   */
  merge(row: RowData, from: Uint8Array): number {
    const slot = this.find(row.id);
    const isSame = slot >= 0 && this.hasStatement(slot, row.revision, row.heartbeat);
    const isValueNew = isSame && !row.lacksValue && this.hasFlag(slot, FLAG_AWAITS_VALUE);
    if (isValueNew) {
      this.setValue(slot, from, row.valueStart, row.valueLength);
      this.noteChange(slot, FLAG_NOTIFY_UPDATE);
    }
    if (slot >= 0 && this.compare(slot, row) >= 0) return isValueNew ? MERGED_VALUE : MERGED_NOTHING;
    if (isSame) {
      this.setState(slot, row.state);
      return MERGED_STATE;
    }
    const target = slot >= 0 ? slot : this.insert(row.id, row.state);
    if (target < 0) return MERGE_TABLE_FULL;
    this.setAddress(target, row.address, row.port);
    // After another start the node may have other limits.
    this.clearFlag(target, row.revision === this.revision(target) ? FLAG_FOREIGN : FLAG_FOREIGN | FLAG_LIMITS);
    if (row.isForeign) this.setFlag(target, FLAG_FOREIGN);
    if (row.lacksValue) this.setFlag(target, FLAG_AWAITS_VALUE);
    else this.setValue(target, from, row.valueStart, row.valueLength);
    this.setStatement(target, row.revision, row.heartbeat, row.state);
    if (row.backSeconds !== AWAKE && row.state === UP) this.setAsleep(target, row.backSeconds);
    return MERGED_FRESHER;
  }

  /** Positive when the row in `slot` is fresher than `row`, negative when it is older. */
  compare(slot: number, row: RowData): number {
    const words = this.words;
    const at = slot * WORDS;
    return compareFreshness(
      words[at + REVISION], words[at + HEARTBEAT], this.state(slot), row.revision, row.heartbeat, row.state,
    );
  }

  setState(slot: number, state: number): void {
    this.setStatement(slot, this.revision(slot), this.heartbeat(slot), state);
  }

  setStatement(slot: number, revision: number, heartbeat: number, state: number): void {
    this.hashRow(slot, -1);
    const words = this.words;
    const at = slot * WORDS;
    words[at + REVISION] = revision;
    words[at + HEARTBEAT] = heartbeat;
    words[at + FLAGS] = (words[at + FLAGS] & ~STATE_MASK) | (state << STATE_SHIFT);
    this.hashRow(slot, 1);
  }
  /** @param length 0 to 255; if it is above `valueBytesMax`, only the length is kept */
  setValue(slot: number, from: Uint8Array, start: number, length: number): void {
    const word = slot * WORDS + FLAGS;
    this.words[word] = (this.words[word] & ~(FLAG_AWAITS_VALUE | (255 << LENGTH_SHIFT))) | (length << LENGTH_SHIFT);
    if (length > this.valueBytesMax) return;
    const bytes = this.bytes;
    const at = slot * this.valueBytesMax;
    for (let i = 0; i < length; i++) bytes[at + i] = from[start + i];
  }

  /**
   * Allocates a slot for a new row, with its id and zeros, or returns -1. In a full table a row that is UP evicts a
   * tombstone, or else a row that is DOWN, but never a live row. Rows in other states evict none; otherwise two full
   * tables would keep sending each other rows that both evicted.
   */
  private insert(id: number, state: number): number {
    if (this.count === this.capacity) {
      const victim = state >= SUSPECT ? -1 : leastWorth(this);
      if (victim < 0 || !this.mayRemove(victim)) return -1;
      this.remove(victim);
    }
    const slot = this.slotAt(this.count);
    const place = this.placeOf(orderKey(id));
    this.halves.set(this.halves.subarray(place, this.count), place + 1);
    this.halves[place] = slot;
    this.count++;
    this.setVia(slot, OWN_SLOT);
    // A slot stands at most once in LIST_TO_SEND, also when its row changes.
    const listed = this.words[slot * WORDS + FLAGS] & FLAG_TO_SEND;
    for (let i = 0; i < WORDS; i++) this.words[slot * WORDS + ID + i] = 0;
    this.words[slot * WORDS + ID] = id;
    // Until its first statement the row is a tombstone, so that the table hash leaves it out.
    this.words[slot * WORDS + FLAGS] = listed | FLAG_HELD | (REMOVE << STATE_SHIFT);
    return slot;
  }

  /** Whether a row may be removed now. If so, the caller removes it. */
  mayRemove(slot: number): boolean { return this.beforeRemove === undefined || this.beforeRemove(slot); }
  /** Removes a row; its slot is free for another. */
  remove(slot: number): void {
    this.hashRow(slot, -1);
    if (this.feedsHash !== undefined) this.feedsHash.drop(slot);
    this.setTransmitsLeft(slot, 0);
    this.clearFlag(slot, FLAG_HELD);
    const place = this.placeOf(orderKey(this.id(slot)));
    this.halves.set(this.halves.subarray(place + 1, this.count), place);
    this.count--;
    this.halves[this.count] = slot;
    // Another row may get the slot.
    for (let i = 0; i < this.count; i++) {
      if (this.via(this.slotAt(i)) === slot) this.setVia(this.slotAt(i), OWN_SLOT);
    }
  }
  /** Whether a new row in this state would find a place. */
  hasPlace(state: number): boolean { return this.count < this.capacity || (state < SUSPECT && leastWorth(this) >= 0); }
  private halfAt(slot: number, column: number): number { return this.capacity + slot * ROW_HALVES + column; }
  private transmitsAt(slot: number): number { return this.bytes.length - this.capacity + slot; }

  /** Adds the row and its feed to the hashes, or subtracts them. @param sign 1 or -1 */
  private hashRow(slot: number, sign: number): void {
    const words = this.words;
    const at = slot * WORDS;
    const state = this.state(slot);
    if (!isCounted(state)) return;
    words[COUNTED] += sign;
    this.tableHash.mix(words[at + ID], words[at + REVISION], words[at + HEARTBEAT], state, sign);
    if (this.feedsHash === undefined) return;
    if (sign > 0) this.feedsHash.addFeed(slot);
    else this.feedsHash.subtractFeed(slot);
  }

  /** To be called before a feed changes; `addToFeedsHash` is to be called after it. */
  subtractFromFeedsHash(slot: number): void {
    if (this.feedsHash !== undefined && isCounted(this.state(slot))) this.feedsHash.subtractFeed(slot);
  }
  addToFeedsHash(slot: number): void {
    if (this.feedsHash !== undefined && isCounted(this.state(slot))) this.feedsHash.addFeed(slot);
  }
}
