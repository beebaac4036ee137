import { formatAddress } from "../../src/engine/wire/address.js";
import { FLAG_SEALED, MAGIC_AND_VERSION, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FrameWriter } from "../../src/engine/wire/frame-writer.js";
import { RowData, Rows } from "../../src/engine/table/rows.js";
import { DEFAULT_PORT } from "../../src/platform/udp.js";
import type { SimRandom } from "./random.js";
import type { SimDialect } from "./dialects.js";
import type { SimNetwork } from "./network.js";
import type { SimNode, TapEntry } from "./node.js";

/** Datagrams that the strangers record for replays. */
const RECORDED_MAX = 256;
/** Rows of invented nodes in one datagram. */
const INVENTED_ROWS = 8;
const BYTES_MAX = 400;

/** 172.16.0.0: no simulated device has an address from there on. */
const STRANGE_ADDRESSES = 0xac100000;

/**
 * Attackers in range without the key. They send noise, frames of invented nodes,
 * and replays from the original or from another address. They do not forge
 * statements of existing nodes: unsealed, such statements would be accepted.
 */
export class Strangers {
  private readonly network: SimNetwork;
  private readonly random: SimRandom;
  private readonly dialect: SimDialect;
  private readonly recorded: { bytes: Uint8Array; address: number; port: number }[] = [];
  private readonly writer = new FrameWriter();

  constructor(network: SimNetwork, random: SimRandom, dialect: SimDialect) {
    this.network = network;
    this.random = random;
    this.dialect = dialect;
    network.tap = (entry) => this.record(entry);
  }

  /** Sends a random datagram to a node. */
  send(to: SimNode): void {
    const { random, network, recorded } = this;
    const kind = random.below(4);
    const address = STRANGE_ADDRESSES + random.below(0x10000);
    if (kind === 0 || (kind >= 2 && recorded.length === 0)) {
      const noise = Uint8Array.from({ length: random.below(BYTES_MAX) }, () => random.below(256));
      network.inject(to, noise, address, DEFAULT_PORT);
    } else if (kind === 1) {
      network.inject(to, this.invent(), address, DEFAULT_PORT);
    } else {
      const again = random.pick(recorded);
      // Only sealed: from an unsealed frame the receiver learns the datagram's source as the sender's address.
      const isElsewhere = kind === 3 && this.dialect === "sealed";
      network.inject(to, again.bytes, isElsewhere ? address : again.address, again.port);
    }
  }

  private record(entry: TapEntry): void {
    if (entry.kind !== "datagram" || this.random.below(16) !== 0) return;
    const { bytes, length, address, port } = entry;
    const index = this.recorded.length < RECORDED_MAX ? this.recorded.length : this.random.below(RECORDED_MAX);
    this.recorded[index] = { bytes: bytes.slice(0, length), address, port };
  }

  private invent(): Uint8Array {
    return this.dialect === "espgossip" ? this.inventJson() : this.inventFrame(this.dialect === "sealed");
  }

  private inventFrame(isSealed: boolean): Uint8Array {
    const rows = new Rows(INVENTED_ROWS, 0);
    for (let i = 0; i < INVENTED_ROWS; i++) rows.merge(this.inventRow(), new Uint8Array(0));
    const bytes = new Uint8Array(BYTES_MAX);
    const flags = isSealed ? FLAG_SEALED : 0;
    this.writer.begin(bytes, BYTES_MAX, TYPE_SYN, flags, rows, this.random.next(), 0);
    if (this.writer.beginRows()) {
      for (let slot = 0; slot < INVENTED_ROWS; slot++) this.writer.writeRow(rows, slot, false);
      this.writer.endSection();
    }
    if (bytes[0] !== MAGIC_AND_VERSION) throw new Error("no frame was written");
    return bytes.slice(0, this.writer.length());
  }

  private inventRow(): RowData {
    const row = new RowData();
    row.id = this.random.next();
    row.address = STRANGE_ADDRESSES + this.random.below(0x10000);
    row.port = DEFAULT_PORT;
    row.revision = this.random.below(4);
    row.heartbeat = this.random.below(10000);
    return row;
  }

  private inventJson(): Uint8Array {
    const rows = Array.from({ length: INVENTED_ROWS }, () => {
      const { address, revision, heartbeat } = this.inventRow();
      return [formatAddress(address), { revision, heartbeat, state: 0 }];
    });
    const text = JSON.stringify({ type: "SYN", ...Object.fromEntries(rows) as object });
    return new Uint8Array(Buffer.from(text));
  }
}
