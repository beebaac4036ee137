import { type EngineOptions, OWN_SLOT, type Rows } from "../../../src/engine/index.js";
import { FLAG_PROVEN, RowData } from "../../../src/engine/table/rows.js";
import { REMOVE } from "../../../src/engine/table/states.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { PORT, ROUND_MS } from "../../support/engine-options.js";
import { JSON_DATAGRAM } from "../../support/engine-outputs.js";
import { type HeldRow, held, table } from "../../support/engine-state.js";

/** More datagrams than an exchange of any tables takes. */
const DATAGRAMS_MAX = 20000;
/** Beyond the end of any test. */
const FAR_MS = 0x70000000;
const ADDRESSES = [0x0a640001, 0x0a640002];

/** What a node is made to hold of another. The address and the value follow from id, revision and heartbeat. */
export type Statement = Omit<HeldRow, "value">;

/** Two nodes whose rows the test sets, and that exchange frames with each other alone, when the test says so. */
export class Pair {
  private readonly network = new EngineNetwork();

  /** @param ids of the two nodes */
  constructor(readonly ids: readonly number[], options: readonly Partial<EngineOptions>[]) {
    ids.forEach((id, node) => {
      const { rows } = this.network.add(ADDRESSES[node], { id, seedCapacity: 4, ...options[node] }, [], 10);
      rows.setTransmitsLeft(OWN_SLOT, 0);
    });
  }

  /** Has a node hold a row that it does not send as an update any more. */
  hold(node: number, statement: Statement): void {
    const rows = this.rowsOf(node);
    const isPeer = statement.id === this.ids[1 - node];
    const value = isPeer ? new Uint8Array(0) : valueOf(statement, rows.valueBytesMax);
    const address = isPeer ? ADDRESSES[1 - node] : 0x0a000000 | (statement.id & 0xffff);
    rows.merge(Object.assign(new RowData(), statement, { address, port: PORT, valueLength: value.length }), value);
    const slot = rows.find(statement.id);
    if (slot < 0) return;
    rows.setTransmitsLeft(slot, 0);
    rows.setDeadline(slot, FAR_MS);
  }

  /** Has both hold the other's current row, at an address that is proven. */
  introduce(): void {
    this.ids.forEach((id, node) => {
      const { revision, heartbeat, state } = held(this.rowsOf(node), id)!;
      this.hold(1 - node, { id, revision, heartbeat, state });
      const other = this.rowsOf(1 - node);
      other.setFlag(other.find(id), FLAG_PROVEN);
    });
  }

  /** One node sends the other a SYN, as answer to a datagram in JSON. Returns all datagrams until both are silent. */
  exchange(first: number): Sent[] {
    this.beginRound();
    this.network.sent.length = 0;
    this.network.lose = () => {
      if (this.network.sent.length > DATAGRAMS_MAX) throw new Error("the exchange does not end");
      return false;
    };
    this.network.deliver(ADDRESSES[first], ADDRESSES[1 - first], JSON_DATAGRAM);
    return this.network.sent;
  }

  /** The place of the node that sent a datagram. */
  senderOf({ from }: Sent): number {
    return ADDRESSES.indexOf(from);
  }

  /** Whether both have the same table hash and, tombstones aside, the same rows with the same values. */
  agrees(): boolean {
    const [a, b] = this.ids.map((_, node) => this.rowsOf(node).tableHash);
    const isSame = a.first === b.first && a.second === b.second;
    return isSame && JSON.stringify(this.contents(0)) === JSON.stringify(this.contents(1));
  }

  /** All rows but tombstones, in the order of their order keys. */
  private contents(node: number): HeldRow[] {
    return table(this.network.engines.get(ADDRESSES[node])!).filter(({ state }) => state !== REMOVE);
  }

  /**
   * The bounds of a round begin anew. The tick comes so late that no node holds
   * the silence of the others against them; the probes of the round are lost.
   */
  private beginRound(): void {
    this.network.nowMs += 2 * ROUND_MS;
    this.network.lose = () => true;
    for (const [address, engine] of this.network.engines) {
      engine.tick(this.network.nowMs);
      this.network.drain(address);
    }
  }

  private rowsOf(node: number): Rows {
    return this.network.engines.get(ADDRESSES[node])!.rows;
  }
}

/** A CBOR byte string of 0 to 23 bytes, or nothing. */
function valueOf({ id, revision, heartbeat }: Statement, bytesMax: number): Uint8Array {
  const length = (id ^ Math.imul(revision, 7) ^ Math.imul(heartbeat, 13)) & 31;
  if (length === 0 || length > bytesMax || length > 24) return new Uint8Array(0);
  return new Uint8Array(length).map((_, i) => i === 0 ? 0x40 + length - 1 : id + revision + heartbeat + i);
}
