import { type Arena, recordWords } from "../engine/feed/arena.js";
import type { Chain } from "../engine/feed/chain.js";
import { COPY_BYTES, stampCounter, stampMs, writeStamp } from "../engine/feed/event.js";
import {
  FIRST_SIGNATURE_BYTES, RUN_EVENTS_MAX, SIGNATURE_BYTES, SIGNATURE_HEAD, type SignedStore, isSignatureAt,
} from "../engine/feed/feed-signing.js";
import { COUNTER_MAX } from "../engine/feed/hlc.js";

/** Words of all signatures that a feed needs, at most. */
export function signatureWords(feeds: SignedStore, slot: number): number {
  const arena = feeds.arena;
  let words = 0;
  let bytes = 0;
  let events = 0;
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    if (words === 0) words = recordWords(FIRST_SIGNATURE_BYTES);
    bytes += arena.eventLength(record);
    if (++events < RUN_EVENTS_MAX && bytes <= runBytesMax(feeds)) continue;
    words += recordWords(SIGNATURE_BYTES);
    bytes = arena.eventLength(record);
    events = 1;
  }
  return words;
}

/** A run has one event of any length, or several ones that are not longer together: so a datagram holds it. */
function runBytesMax(feeds: SignedStore): number {
  return feeds.eventBytesMax + COPY_BYTES;
}

/** Numbers the records of a feed, and puts a signature behind each run, still without its content. Returns the last. */
function placeSignatures(feeds: SignedStore, slot: number): number {
  const arena = feeds.arena;
  let sequence = 0;
  let events = 0;
  let bytes = 0;
  for (let record = arena.first(slot); record !== 0;) {
    const next = arena.next(record);
    arena.renumber(record, ++sequence, 0, 0);
    bytes += arena.eventLength(record);
    const isFull = ++events === RUN_EVENTS_MAX || next === 0 || bytes + arena.eventLength(next) > runBytesMax(feeds);
    if (isFull) {
      sequence++;
      bytes = 0;
      events = 0;
    }
    record = next;
  }
  // All room is in one piece, so nothing moves now.
  let length = FIRST_SIGNATURE_BYTES;
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const next = arena.next(record);
    const number = arena.sequence(record) + 1;
    if (next !== 0 && arena.sequence(next) === number) continue;
    const at = feeds.chain.eventAt;
    for (let i = 0; i < length; i++) arena.bytes[at + i] = 0;
    arena.bytes[at] = SIGNATURE_HEAD;
    writeNextStamp(arena.bytes, at, arena.bytes, arena.eventAt(record));
    feeds.put(slot, number, 0, 0, length);
    length = SIGNATURE_BYTES;
    const signature = arena.next(record);
    if (next !== 0 && !isLater(arena.bytes, arena.eventAt(next), arena.eventAt(signature))) {
      // Events of one millisecond leave no stamp between them.
      raiseStamps(feeds, signature);
    }
    record = signature;
  }
  return sequence;
}

/** Writes the stamp after that of the event at `from`. */
function writeNextStamp(out: Uint8Array, at: number, bytes: Uint8Array, from: number): void {
  const counter = stampCounter(bytes, from);
  const isSpent = counter === COUNTER_MAX;
  writeStamp(out, at, stampMs(bytes, from) + (isSpent ? 1 : 0), isSpent ? 0 : counter + 1);
}

function isLater(bytes: Uint8Array, one: number, other: number): boolean {
  const ms = stampMs(bytes, one) - stampMs(bytes, other);
  return ms > 0 || (ms === 0 && stampCounter(bytes, one) > stampCounter(bytes, other));
}

/** Raises the stamps of the records behind one, as far as they are not later than those before them. */
function raiseStamps(feeds: SignedStore, from: number): void {
  const arena = feeds.arena;
  for (let before = from, record = arena.next(from); record !== 0; before = record, record = arena.next(record)) {
    if (isLater(arena.bytes, arena.eventAt(record), arena.eventAt(before))) return;
    writeNextStamp(arena.bytes, arena.eventAt(record), arena.bytes, arena.eventAt(before));
  }
}

/** What signs while a generation is linked. */
interface Signer {
  begin(arena: Arena, chain: Chain, slot: number, generation: number, held: number): void;
  add(chain: Chain, sequence: number, length: number): void;
  write(chain: Chain, ms: number, counter: number): number;
}

/** See `FeedSigning.signGeneration`. */
export function signGeneration(feeds: SignedStore, slot: number, generation: number, signer: Signer): number {
  const arena = feeds.arena;
  const chain = feeds.chain;
  if (arena.room() < signatureWords(feeds, slot) || placeSignatures(feeds, slot) === 0) return 0;
  signer.begin(arena, chain, slot, generation, 0);
  chain.begin(feeds.author(slot), generation, 0, 0);
  let sequence = 0;
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const at = arena.eventAt(record);
    if (isSignatureAt(arena.bytes, at)) {
      const length = signer.write(chain, stampMs(arena.bytes, at), stampCounter(arena.bytes, at));
      for (let i = 0; i < length; i++) arena.bytes[at + i] = arena.bytes[chain.eventAt + i];
      signer.begin(arena, chain, slot, generation, 0);
      feeds.link(record, ++sequence);
    } else {
      feeds.link(record, ++sequence);
      signer.add(chain, sequence, arena.eventLength(record));
    }
    arena.renumber(record, sequence, chain.first(), chain.second());
  }
  return sequence;
}
