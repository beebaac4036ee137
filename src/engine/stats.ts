import { DROP_REASONS } from "./drops.js";

/** Counters since the start, uint32 that wrap. */
export class Stats {
  readonly drops = new Uint32Array(DROP_REASONS);
  private readonly traffic = new Uint32Array(4);

  countReceived(bytes: number): void {
    this.traffic[DATAGRAMS_RECEIVED]++;
    this.traffic[BYTES_RECEIVED] += bytes;
  }

  countSent(bytes: number): void {
    this.traffic[DATAGRAMS_SENT]++;
    this.traffic[BYTES_SENT] += bytes;
  }

  datagramsReceived(): number { return this.traffic[DATAGRAMS_RECEIVED]; }
  bytesReceived(): number { return this.traffic[BYTES_RECEIVED]; }
  datagramsSent(): number { return this.traffic[DATAGRAMS_SENT]; }
  bytesSent(): number { return this.traffic[BYTES_SENT]; }
}

const DATAGRAMS_RECEIVED = 0;
const BYTES_RECEIVED = 1;
const DATAGRAMS_SENT = 2;
const BYTES_SENT = 3;
