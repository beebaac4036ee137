import { formatAddress } from "../../src/engine/wire/address.js";
import { FLAG_SEALED, MAGIC_AND_VERSION, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FrameWriter } from "../../src/engine/wire/frame-writer.js";
import { RowData, Rows } from "../../src/engine/table/rows.js";
import type { SimRandom } from "./random.js";
import type { SimDialect } from "./dialects.js";
import type { SimNetwork } from "./network.js";
import type { TapEntry } from "./node.js";
import type { SimNode } from "./node.js";

/** Datagrams that the strangers remember, to send them again. */
const HEARD_MAX = 256;
/** Rows of nodes that there are not, in one datagram. */
const INVENTED_ROWS = 8;
const BYTES_MAX = 400;
const PORT = 5000;
/** 172.16.0.0: none of the simulated devices is there. */
const STRANGE_ADDRESSES = 0xac100000;

/**
 * Somebody in range without the key, who sends all that he can think of: noise,
 * frames of nodes that there are not, and what he heard, as it was, from where
 * it came or from elsewhere. He does not speak for nodes that there are: where
 * nothing is sealed he could say anything, and it would be believed.
 */
export class Strangers {
  private readonly network: SimNetwork;
  private readonly dice: SimRandom;
  private readonly dialect: SimDialect;
  private readonly heard: { bytes: Uint8Array; address: number; port: number }[] = [];
  private readonly writer = new FrameWriter();

  constructor(network: SimNetwork, dice: SimRandom, dialect: SimDialect) {
    this.network = network;
    this.dice = dice;
    this.dialect = dialect;
    network.tap = (entry) => this.hear(entry);
  }

  /** Sends something to a node. */
  send(to: SimNode): void {
    const { dice, network, heard } = this;
    const kind = dice.below(4);
    const address = STRANGE_ADDRESSES + dice.below(0x10000);
    if (kind === 0 || (kind >= 2 && heard.length === 0)) {
      network.inject(to, Uint8Array.from({ length: dice.below(BYTES_MAX) }, () => dice.below(256)), address, PORT);
    } else if (kind === 1) {
      network.inject(to, this.invent(), address, PORT);
    } else {
      const again = dice.pick(heard);
      // From elsewhere only where that is nothing new: an unsealed frame tells the address of its sender.
      const isElsewhere = kind === 3 && this.dialect === "sealed";
      network.inject(to, again.bytes, isElsewhere ? address : again.address, again.port);
    }
  }

  private hear(entry: TapEntry): void {
    if (entry.kind !== "datagram" || this.dice.below(16) !== 0) return;
    const { bytes, length, address, port } = entry;
    const index = this.heard.length < HEARD_MAX ? this.heard.length : this.dice.below(HEARD_MAX);
    this.heard[index] = { bytes: bytes.slice(0, length), address, port };
  }

  private invent(): Uint8Array {
    return this.dialect === "espgossip" ? this.inventJson() : this.inventFrame(this.dialect === "sealed");
  }

  private inventFrame(isSealed: boolean): Uint8Array {
    const rows = new Rows(INVENTED_ROWS, 0);
    for (let i = 0; i < INVENTED_ROWS; i++) rows.merge(this.inventRow(), new Uint8Array(0));
    const bytes = new Uint8Array(BYTES_MAX);
    const flags = isSealed ? FLAG_SEALED : 0;
    this.writer.begin(bytes, BYTES_MAX, TYPE_SYN, flags, rows, this.dice.next(), 0);
    if (this.writer.beginRows()) {
      for (let slot = 0; slot < INVENTED_ROWS; slot++) this.writer.writeRow(rows, slot);
      this.writer.endRows();
    }
    if (bytes[0] !== MAGIC_AND_VERSION) throw new Error("no frame was written");
    return bytes.slice(0, this.writer.length());
  }

  private inventRow(): RowData {
    const row = new RowData();
    row.id = this.dice.next();
    row.address = STRANGE_ADDRESSES + this.dice.below(0x10000);
    row.port = PORT;
    row.revision = this.dice.below(4);
    row.heartbeat = this.dice.below(10000);
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
