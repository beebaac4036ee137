import { formatAddress } from "../../src/engine/wire/address.js";
import type { SocketTap } from "../platform/tap-socket.js";
import type { ChangeFeed, SeenDatagram } from "./changes.js";

/** Notifies of the datagrams of a node, while anybody wants them. */
export class DatagramTap implements SocketTap {
  private readonly changes: ChangeFeed;
  private readonly drops: () => Record<string, number>;

  /** @param drops the node's counters of drops by reason */
  constructor(changes: ChangeFeed, drops: () => Record<string, number>) {
    this.changes = changes;
    this.drops = drops;
  }

  sent(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.changes.wantsDatagrams) this.notify("out", textOf(bytes, length), address, port);
  }

  received(bytes: Uint8Array, length: number, address: number, port: number, deliver: () => void): void {
    if (!this.changes.wantsDatagrams) {
      deliver();
      return;
    }
    // The node may overwrite the bytes when it unseals them.
    const text = textOf(bytes, length);
    const before = this.drops();
    try {
      deliver();
    } finally {
      const after = this.drops();
      this.notify("in", text, address, port, Object.keys(after).find((reason) => after[reason] !== before[reason]));
    }
  }

  private notify(
    direction: SeenDatagram["direction"], bytes: string, address: number, port: number, drop?: string,
  ): void {
    this.changes.notify("datagram", {
      direction, address: formatAddress(address), port, bytes, ...drop !== undefined && { drop },
    });
  }
}

function textOf(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("base64");
}
