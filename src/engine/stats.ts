import { DROP_REASONS } from "./drops.js";

/** Counters since the start, uint32 that wrap. */
export class Stats {
  private readonly counters = new Uint32Array(DROP_REASONS + TRAFFIC);

  countDrop(reason: number): void { this.counters[reason]++; }
  /** Datagrams, or rows in them, that were refused for a reason: 1 to DROP_REASONS - 1. */
  drops(reason: number): number { return this.counters[reason]; }

  countReceived(bytes: number): void {
    this.counters[DATAGRAMS_RECEIVED]++;
    this.counters[BYTES_RECEIVED] += bytes;
  }

  countSent(bytes: number): void {
    this.counters[DATAGRAMS_SENT]++;
    this.counters[BYTES_SENT] += bytes;
  }

  datagramsReceived(): number { return this.counters[DATAGRAMS_RECEIVED]; }
  bytesReceived(): number { return this.counters[BYTES_RECEIVED]; }
  datagramsSent(): number { return this.counters[DATAGRAMS_SENT]; }
  bytesSent(): number { return this.counters[BYTES_SENT]; }
}

const DATAGRAMS_RECEIVED = DROP_REASONS;
const BYTES_RECEIVED = DROP_REASONS + 1;
const DATAGRAMS_SENT = DROP_REASONS + 2;
const BYTES_SENT = DROP_REASONS + 3;
const TRAFFIC = 4;
