import { addressOfIndex } from "../desktop/simulator/node.js";
import { Engine, OWN_SLOT } from "../src/engine/index.js";
import { KIND_LOG, KIND_SET } from "../src/engine/feed/kinds.js";
import { orderKey } from "../src/engine/table/hash.js";
import { FLAG_LIMITS, RowData } from "../src/engine/table/rows.js";
import type { Sealer } from "../src/engine/wire/sealer.js";
import { eventFeeds } from "../src/events/index.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { PORT, engineOptions } from "../test/support/engine-options.js";
import { takeDatagrams } from "../test/support/engine-outputs.js";
import { publishEvent } from "../test/support/publish-event.js";

const CAPACITY = 512;
const EVENT_BYTES_MAX = 128;

/** The statement that a node announces of itself. */
export interface Statement {
  id: number;
  /** Index from which the node's address is made. */
  index: number;
  revision: number;
  heartbeat: number;
  /** CBOR; empty when it shares nothing. */
  value: Uint8Array;
}

/** A datagram in flight between two engines. */
export interface Frame {
  bytes: Uint8Array;
  /** Number of datagrams that had to arrive one after another before this one was sent. */
  depth: number;
}

/**
 * An engine with given rows, none of which is an update. The first statement is
 * its own. It does not run on an `EngineNetwork`: its clock stands still except
 * for its own inputs, the other of the two gets every frame whomever it was
 * meant for, and a frame's depth counts.
 */
export class Peer {
  readonly engine: Engine;
  readonly address: number;
  private nowMs = 0;

  /**
   * @param feedBytes bytes for events; 0: a node without feeds
   * @param sealer seals the node's datagrams
   * @param burstMax as of a desktop by default
   */
  constructor(
    statements: readonly Statement[], seed: number, datagramBytesMax = 1200, feedBytes = 0, sealer?: Sealer,
    burstMax = 64,
  ) {
    const own = statements[0];
    this.address = addressOfIndex(own.index);
    this.engine = new Engine(engineOptions({
      id: own.id, address: this.address, capacity: CAPACITY, datagramBytesMax, randomSeed: seed, sealer, burstMax,
      feeds: feedBytes === 0 ? undefined
      : eventFeeds({ bytes: feedBytes, eventBytesMax: EVENT_BYTES_MAX }).engineFeeds(datagramBytesMax, nodeDigest),
    }));
    this.engine.start(0, own.revision, true);
    for (const statement of statements) this.hold(statement);
    this.engine.rows.setTransmitsLeft(OWN_SLOT, 0);
  }

  /** Holds a statement as if it had been received long ago. */
  hold({ id, index, revision, heartbeat, value }: Statement): void {
    const row = new RowData();
    row.id = id;
    row.address = addressOfIndex(index);
    row.port = PORT;
    row.revision = revision;
    row.heartbeat = heartbeat;
    row.valueLength = value.length;
    const { rows } = this.engine;
    rows.merge(row, value);
    // Long ago the two also told each other their limits.
    rows.setFlag(rows.find(id), FLAG_LIMITS);
  }

  /** Holds the feed of a row's author up to a sequence number, with an invented hash and no events. */
  holdFeed(id: number, sequence: number): void {
    const { rows, feed } = this.engine;
    const slot = rows.find(id);
    rows.subtractFromFeedsHash(slot);
    feed!.feeds.begin(slot, 1);
    feed!.feeds.endSnapshot(slot, sequence, orderKey(id ^ sequence), orderKey(sequence), 0);
    rows.addToFeedsHash(slot);
  }

  /** This node learns the time of day. */
  setTime(ms: number): void {
    this.engine.feed!.hlc.setPhysical(this.nowMs, ms);
  }

  /** This node logs an event, some milliseconds after its last input. */
  log(topic: string, payload: Uint8Array, afterMs = 1): void {
    this.nowMs += afterMs;
    publishEvent(this.engine, this.nowMs, KIND_LOG, topic, "", 0, payload, payload.length);
    this.engine.rows.setTransmitsLeft(OWN_SLOT, 0);
    while (this.engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
  }

  /** This node publishes an event like a signature, 1 ms after its last input. @param payload its CBOR */
  sign(payload: Uint8Array): void {
    publishEvent(this.engine, ++this.nowMs, KIND_SET, "", "", 0, payload, payload.length);
    this.engine.rows.setTransmitsLeft(OWN_SLOT, 0);
    while (this.engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
  }

  /** The next SYN. It goes to the other peer, whatever address the engine chose. */
  syn(depth: number): Frame {
    for (;;) {
      this.nowMs = this.engine.nextDeadline();
      this.engine.tick(this.nowMs);
      const frames = this.sent(depth);
      if (frames.length > 0) return frames[0];
    }
  }

  /** Receives a frame of the other engine and returns the answers. */
  answer(frame: Frame, from: Peer): Frame[] {
    this.engine.receive(++this.nowMs, from.address, PORT, frame.bytes, frame.bytes.length);
    return this.sent(frame.depth + 1);
  }

  private sent(depth: number): Frame[] {
    return takeDatagrams(this.engine).map(({ bytes }) => ({ bytes, depth }));
  }
}
