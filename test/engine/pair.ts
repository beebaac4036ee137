import { Engine, type EngineOptions, OWN_SLOT, type Rows } from "../../src/engine/index.js";
import { Outbox, outboxWords } from "../../src/engine/reconcile/outbox.js";
import { FLAG_PROVEN, RowData } from "../../src/engine/table/rows.js";
import { REMOVE } from "../../src/engine/table/states.js";
import { WordPool } from "../../src/engine/word-pool.js";
import { counterOf } from "./responder.js";

const PORT = 5000;
const NOW_MS = 1000;
/** A round takes up to 9/8 of the interval. */
const ROUND_MS_MAX = 11250;
/** More datagrams than any exchange takes: it would go on for ever. */
const DATAGRAMS_MAX = 20000;

/** What is held of a node. Its address and value follow from id, revision and heartbeat, as its own word. */
export interface Held {
  id: number;
  revision: number;
  heartbeat: number;
  state: number;
}

export interface Options {
  datagramBytesMax: number;
  capacity: number;
  /** Longest value of a row that is held. */
  valueBytesMax: number;
}

/** One datagram of an exchange. */
export interface Datagram {
  from: number;
  bytes: Uint8Array;
}

/** Two nodes, 1 and 2, each with rows of others, that talk to each other alone. */
export class Pair {
  readonly engines: Engine[];
  private exchanges = 0;
  private nowMs = NOW_MS;
  private readonly out = { bytes: new Uint8Array(1472), length: 0, address: 0, port: 0 };

  /** @param ids of the two nodes */
  constructor(readonly ids: readonly number[], private readonly options: readonly Options[]) {
    this.engines = ids.map((id, i) => {
      const others: EngineOptions = {
        id, address: addressOf(i), port: PORT, roundIntervalMs: 10000, removeAfterMs: 86400000, seedCapacity: 4,
        broadcastAddress: 0xffffffff, randomSeed: 1, ...options[i],
      };
      const engine = new Engine(others);
      engine.start(NOW_MS, 10, true);
      engine.rows.setTransmitsLeft(OWN_SLOT, 0);
      return engine;
    });
  }

  /** Has a node hold a row. It is no news any more. */
  hold(node: number, held: Held): void {
    const engine = this.engines[node];
    const value = valueOf(held, engine.rows.valueBytesMax);
    const address = held.id === this.ids[1 - node] ? addressOf(1 - node) : 0x0a000000 | (held.id & 0xffff);
    const data = Object.assign(new RowData(), held, {
      address, port: PORT, valueStart: 0, valueLength: held.id === this.ids[1 - node] ? 0 : value.length,
    });
    engine.mergeRow(data, value);
    const slot = engine.rows.find(held.id);
    if (slot >= 0) engine.rows.setTransmitsLeft(slot, 0);
  }

  /** Has both hold the other's current row, and know that its address is real. */
  introduce(): void {
    this.engines.forEach((engine, node) => {
      const other = this.engines[1 - node];
      this.hold(node, { id: this.ids[1 - node], ...statementOf(other.rows, OWN_SLOT) });
      engine.rows.setFlag(engine.rows.find(this.ids[1 - node]), FLAG_PROVEN);
    });
  }

  /** One node sends the other a SYN; returns all datagrams until both are silent. */
  exchange(first: number): Datagram[] {
    if (this.exchanges++ > 0) this.beginRound();
    const sent = [this.synOf(first)];
    for (let i = 0; i < sent.length; i++) {
      const to = 1 - sent[i].from;
      this.engines[to].receive(this.nowMs, addressOf(sent[i].from), PORT, sent[i].bytes, sent[i].bytes.length);
      for (const answer of this.take(to)) sent.push(answer);
      if (sent.length > DATAGRAMS_MAX) throw new Error("the exchange does not end");
    }
    return sent;
  }

  /** Whether both have the same root and, tombstones aside, the same rows with the same values. */
  agrees(): boolean {
    const [a, b] = this.engines;
    const equalRoots = a.rows.tableHash.equals(b.rows.tableHash.first, b.rows.tableHash.second);
    return equalRoots && JSON.stringify(this.contents(0)) === JSON.stringify(this.contents(1));
  }

  /** All rows but tombstones, in the order of keys. */
  contents(node: number): unknown[] {
    const { rows } = this.engines[node];
    const slots = Array.from({ length: rows.count }, (_, place) => rows.slotAt(place));
    return slots.filter((slot) => rows.state(slot) !== REMOVE).map((slot) => {
      const start = rows.valueStart(slot);
      const value = [...rows.valueBytes().subarray(start, start + rows.valueLength(slot))];
      return { id: rows.id(slot), ...statementOf(rows, slot), value };
    });
  }

  /** A round passes, so that its bounds begin anew. The SYNs of the round are lost. */
  private beginRound(): void {
    this.nowMs += ROUND_MS_MAX;
    for (const engine of this.engines) engine.tick(this.nowMs);
  }

  /** The SYN that a node would send the other one, under the counter of its last frame. */
  private synOf(node: number): Datagram {
    const engine = this.engines[node];
    const { datagramBytesMax } = this.options[node];
    const outbox = new Outbox(engine.rows, datagramBytesMax, undefined, new WordPool(outboxWords(datagramBytesMax)));
    const slot = engine.rows.find(this.ids[1 - node]);
    outbox.count((counterOf(engine) - 1) >>> 0);
    outbox.clear();
    outbox.addSyn(addressOf(1 - node), PORT, 0, slot < 0 ? OWN_SLOT : slot);
    outbox.next(this.out);
    return { from: node, bytes: this.out.bytes.slice(0, this.out.length) };
  }

  private take(node: number): Datagram[] {
    const taken: Datagram[] = [];
    while (this.engines[node].pollTransmit(this.out)) {
      taken.push({ from: node, bytes: this.out.bytes.slice(0, this.out.length) });
    }
    return taken;
  }
}

function addressOf(node: number): number {
  return 0x0a640001 + node;
}

function statementOf(rows: Rows, slot: number): { revision: number; heartbeat: number; state: number } {
  return { revision: rows.revision(slot), heartbeat: rows.heartbeat(slot), state: rows.state(slot) };
}

/** A CBOR byte string of 0 to 23 bytes, or nothing. */
function valueOf({ id, revision, heartbeat }: Held, bytesMax: number): Uint8Array {
  const length = (id ^ Math.imul(revision, 7) ^ Math.imul(heartbeat, 13)) & 31;
  if (length === 0 || length > bytesMax || length > 24) return new Uint8Array(0);
  return new Uint8Array(length).map((_, i) => i === 0 ? 0x40 + length - 1 : id + revision + heartbeat + i);
}
