import { addressOfIndex } from "../desktop/simulator/node.js";
import { BROADCAST_ADDRESS, type Datagram, Engine, OWN_SLOT } from "../src/engine/index.js";
import { KIND_LOG } from "../src/engine/feed/kinds.js";
import { orderKey } from "../src/engine/table/hash.js";
import { RowData } from "../src/engine/table/rows.js";
import type { Sealer } from "../src/engine/wire/sealer.js";
import { eventFeeds } from "../src/events/index.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { ROUND_MS } from "./network.js";

const PORT = 5000;
const CAPACITY = 512;
const EVENT_BYTES_MAX = 128;

/** What a node says of itself. */
export interface Statement {
  id: number;
  /** Of the node's address. */
  index: number;
  revision: number;
  heartbeat: number;
  /** CBOR; empty when it shares nothing. */
  value: Uint8Array;
}

/** A datagram under way between two engines. */
export interface Frame {
  bytes: Uint8Array;
  /** Datagrams that had to arrive, one after the other, before this one was sent. */
  depth: number;
}

/** An engine with given rows, of which none is news. The first statement is its own. */
export class Peer {
  readonly engine: Engine;
  readonly address: number;
  private readonly datagram: Datagram = { bytes: new Uint8Array(1472), length: 0, address: 0, port: 0 };
  private nowMs = 0;

  /** @param feedBytes bytes for events; 0: a node without feeds @param sealer seals what it sends */
  constructor(
    statements: readonly Statement[], seed: number, datagramBytesMax = 1200, feedBytes = 0, sealer?: Sealer,
  ) {
    const own = statements[0];
    this.address = addressOfIndex(own.index);
    this.engine = new Engine({
      id: own.id, address: this.address, port: PORT, capacity: CAPACITY, valueBytesMax: 32,
      datagramBytesMax, roundIntervalMs: ROUND_MS, removeAfterMs: 86400000, seedCapacity: 16,
      broadcastAddress: BROADCAST_ADDRESS, randomSeed: seed, sealer,
      feeds: feedBytes === 0 ? undefined
      : eventFeeds({ bytes: feedBytes, eventBytesMax: EVENT_BYTES_MAX }).engineFeeds(1472, nodeDigest),
    });
    this.engine.start(0, own.revision, true);
    for (const statement of statements) this.hold(statement);
    this.engine.rows.setTransmitsLeft(OWN_SLOT, 0);
  }

  /** Holds a statement as if it had been heard long ago. */
  hold({ id, index, revision, heartbeat, value }: Statement): void {
    const row = new RowData();
    row.id = id;
    row.address = addressOfIndex(index);
    row.port = PORT;
    row.revision = revision;
    row.heartbeat = heartbeat;
    row.valueLength = value.length;
    this.engine.rows.merge(row, value);
  }

  /** Holds the feed of a row's author up to an event, whose tip is made up; the events are forgotten. */
  holdFeed(id: number, sequence: number): void {
    const { rows, feed } = this.engine;
    const slot = rows.find(id);
    rows.subtractFromFeedsHash(slot);
    feed!.feeds.begin(slot, 1);
    feed!.feeds.endSnapshot(slot, sequence, orderKey(id ^ sequence), orderKey(sequence), 0);
    rows.addToFeedsHash(slot);
  }

  /** This node logs an event. */
  log(topic: string, payload: Uint8Array): void {
    const length = this.engine.feed!.own.encodeEvent(++this.nowMs, KIND_LOG, topic, "", 0, payload, payload.length);
    this.engine.publishEvent(this.nowMs, length);
    this.engine.rows.setTransmitsLeft(OWN_SLOT, 0);
    while (this.engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
  }

  /** The next SYN. Whomever the engine means it for, the other of the two gets it. */
  syn(depth: number): Frame {
    for (;;) {
      this.nowMs = this.engine.nextDeadline();
      this.engine.tick(this.nowMs);
      const frames = this.sent(depth);
      if (frames.length > 0) return frames[0];
    }
  }

  /** Takes a frame of the other engine in and answers it. */
  answer(frame: Frame, from: Peer): Frame[] {
    this.engine.receive(++this.nowMs, from.address, PORT, frame.bytes, frame.bytes.length);
    return this.sent(frame.depth + 1);
  }

  private sent(depth: number): Frame[] {
    const frames: Frame[] = [];
    while (this.engine.pollTransmit(this.datagram)) {
      frames.push({ bytes: this.datagram.bytes.slice(0, this.datagram.length), depth });
    }
    return frames;
  }
}
