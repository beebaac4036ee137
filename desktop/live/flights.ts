import { MAGIC_AND_VERSION, TYPE_ACK, TYPE_ADVERTISED, TYPE_BITS, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN, FLAG_SEALED }
  from "../../src/engine/wire/frame.js";
import type { Flight } from "../simulator/network.js";

/** Datagrams of one message to those who watch; further ones are counted. */
export const FLIGHTS_MAX = 200;

/** A datagram as it is drawn. */
export interface ShownFlight {
  from: number;
  to: number;
  /** Simulated ms. */
  sentMs: number;
  /** null: it is lost. */
  arrivalMs: number | null;
  bytes: number;
  kind: string;
}

/** Datagrams since the last message. */
export class Flights {
  private list: ShownFlight[] = [];
  private skipped = 0;

  add({ from, to, sentMs, arrivalMs, bytes, length }: Flight): void {
    if (this.list.length === FLIGHTS_MAX) {
      this.skipped++;
      return;
    }
    const kind = kindOf(bytes);
    this.list.push({ from: from.id, to: to.id, sentMs, arrivalMs: arrivalMs ?? null, bytes: length, kind });
  }

  /** What is to be sent; undefined: nothing. */
  flush(): { list: ShownFlight[]; skipped: number } | undefined {
    const { list, skipped } = this;
    if (list.length === 0) return undefined;
    this.list = [];
    this.skipped = 0;
    return { list, skipped };
  }
}

/** Of the head, which is not sealed. */
export function kindOf(bytes: Uint8Array): string {
  if (bytes[0] !== MAGIC_AND_VERSION) return "other";
  const type = bytes[1] & TYPE_BITS;
  const name = KINDS.get(type > TYPE_LEAVE ? type - TYPE_ADVERTISED : type) ?? "other";
  return (bytes[1] & FLAG_SEALED) === 0 ? name : `sealed ${name}`;
}

const KINDS = new Map([[TYPE_SYN, "SYN"], [TYPE_ACK, "ACK"], [TYPE_DIFF, "DIFF"], [TYPE_LEAVE, "LEAVE"]]);
