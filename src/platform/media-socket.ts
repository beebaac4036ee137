import {
  LINES_MAX, LINE_ADDRESSES, type Media, isLineAddress, isMediaAddress, mediaAddress,
} from "../engine/table/media.js";
import { show } from "../checks.js";
import { readU16, readU32, writeU16, writeU32 } from "../cbor/big-endian.js";
import { invalid } from "../errors.js";
import type { GossipSocket } from "./types.js";
import { DATAGRAM_BYTES_MAX } from "./udp.js";

/*
 * Head of each frame (PROTOCOL 2.1):
 *
 *   0  1: for whoever gets the frame; 2: for the node at the address below
 *   1  address and port of the sender, 6 bytes
 *   7  with 2: address and port of the receiver, 6 bytes
 *
 * Then the datagram.
 */
const FOR_ALL = 1;
const FOR_ONE = 2;
const SOURCE_AT = 1;
const TARGET_AT = 7;
const HEAD_BYTES = 7;
const LONG_HEAD_BYTES = 13;
/** The shortest frame has room for this datagram. */
const DATAGRAM_BYTES_MIN = 128;

const BROADCAST = 0xffffffff;
/** Nodes whose medium is remembered. */
const PEERS_MAX = 64;
/** Where a node is that was not heard on a medium. */
const UDP = -1;

/** What carries frames beside UDP: a serial line, a radio. */
export interface Medium {
  /** Longest frame in bytes: 141 to 1,485. A datagram may have 7 bytes less on a line, 13 bytes less elsewhere. */
  readonly frameBytesMax: number;
  /** Whether exactly one other node gets the frames. */
  readonly isLine: boolean;
  /**
   * Begins to receive. `onFrame` gets each intact frame: its bytes, valid only during the call, their number, and the
   * station that sent it: a number from 1 to 2^48 - 1 such as a MAC address, or 0 where stations have none.
   * `onError` gets what goes wrong later.
   *
   * @throws the platform's error when the medium cannot be opened
   */
  open(onFrame: (bytes: Uint8Array, length: number, station: number) => void, onError: (error: Error) => void): void;
  /**
   * Sends the first `length` bytes. The caller may overwrite the bytes after the call.
   *
   * @param station 0: to all in reach
   * @throws Error when the frame is lost
   */
  send(bytes: Uint8Array, length: number, station: number): void;
  close(): void;
}

export interface MediaSocketOptions {
  /** Without it the node reaches its media only. */
  udp?: GossipSocket | undefined;
  /** 1 to 8. */
  media: Medium[];
  /** uint32 from which a node without UDP has its address and, by default, its id: best the device's own for ever. */
  device: number;
}

/** Media that a node may have. */
const MEDIA_MAX = 8;

/**
 * A socket over UDP and other media, or over other media alone. It remembers on which medium each of the last 64
 * nodes was heard, and a datagram for a node goes there. All else goes to UDP, except to addresses of media
 * (240.0.0.0/4).
 */
export class MediaSocket implements GossipSocket, Media {
  readonly media: Media = this;
  readonly hasUdp: boolean;
  readonly lines: number;
  readonly bytesMaxLeast: number;
  readonly isDeviceIdFixed?: boolean;
  /** Present where UDP has them. */
  readonly broadcastAddresses?: () => number[];
  readonly resolve?: (name: string, callback: (address: number) => void) => void;
  /** Frames that were for other nodes, or had no head that can be. */
  ignored = 0;
  private readonly udp: GossipSocket | undefined;
  private readonly all: Medium[];
  private readonly device: number;
  private readonly buffer: Uint8Array;
  /** For each medium: its number as a line, from 1 on; 0: it is none. */
  private readonly lineOf: number[] = [];
  /** The longest datagram on media that are no lines; 0: there are none. */
  private sharedBytesMax = 0;
  private ownAddressNow: number;
  private ownPort = 0;
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  // The peers that were heard on media, the latest in place of the oldest.
  private readonly peers: Peer[] = [];
  private nextPeer = 0;

  /** @throws RangeError or TypeError ERR_ARGUMENT when there is no medium, or one has an impossible frame length */
  constructor(options: MediaSocketOptions) {
    const { udp, media, device } = options;
    if (!Array.isArray(media) || media.length < 1 || media.length > MEDIA_MAX) {
      throw invalid("MediaSocket", "media", `${show(media)} is not an array of 1 to ${MEDIA_MAX} media`, false);
    }
    this.udp = udp;
    this.all = media;
    this.device = device >>> 0;
    this.hasUdp = udp !== undefined;
    this.ownAddressNow = udp === undefined ? this.mediaAddress() : 0;
    let longest = 0;
    let least = DATAGRAM_BYTES_MAX;
    let lines = 0;
    for (let i = 0; i < media.length; i++) {
      const { frameBytesMax, isLine } = media[i];
      const bytesMax = payloadBytes(media[i]);
      if (!(bytesMax >= DATAGRAM_BYTES_MIN && bytesMax <= DATAGRAM_BYTES_MAX)) {
        const range = `${DATAGRAM_BYTES_MIN + HEAD_BYTES} to ${DATAGRAM_BYTES_MAX + LONG_HEAD_BYTES} bytes`;
        throw invalid("MediaSocket", `media[${i}].frameBytesMax`, `${show(frameBytesMax)} is not ${range}`, true);
      }
      if (isLine) lines++;
      else this.sharedBytesMax = this.sharedBytesMax === 0 ? bytesMax : Math.min(this.sharedBytesMax, bytesMax);
      this.lineOf.push(isLine ? lines : 0);
      longest = Math.max(longest, frameBytesMax);
      least = Math.min(least, bytesMax);
    }
    this.lines = Math.min(lines, LINES_MAX);
    this.bytesMaxLeast = least;
    this.buffer = new Uint8Array(longest);
    if (udp === undefined) return;
    if (udp.isDeviceIdFixed !== undefined) this.isDeviceIdFixed = udp.isDeviceIdFixed;
    if (udp.broadcastAddresses !== undefined) this.broadcastAddresses = () => udp.broadcastAddresses!();
    if (udp.resolve !== undefined) this.resolve = (name, callback) => udp.resolve!(name, callback);
  }

  bind(port: number, onDatagram: Parameters<GossipSocket["bind"]>[1], onError: (error: Error) => void): void {
    this.ownPort = port;
    if (this.udp !== undefined) {
      this.udp.bind(port, (bytes, length, address, from) => {
        this.forget(address, from);
        onDatagram(bytes, length, address, from);
      }, onError);
    }
    let opened = 0;
    try {
      for (; opened < this.all.length; opened++) this.openMedium(opened, onError);
    } catch (error) {
      for (let i = 0; i < opened; i++) this.all[i].close();
      if (this.udp !== undefined) this.udp.close();
      throw error;
    }
    this.onDatagram = onDatagram;
  }

  /** @throws Error when the datagram is lost: with several media, on at least one of them */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (address === BROADCAST) {
      this.broadcast(bytes, length, port);
      return;
    }
    const peer = this.peerAt(address, port);
    if (peer !== undefined) this.sendFrame(peer.medium, peer.station, bytes, length, address, port);
    else if (isMediaAddress(address)) this.sendUnheard(bytes, length, address, port);
    else if (this.udp !== undefined) this.udp.send(bytes, length, address, port);
    else throw new Error("there is no way to the address");
  }

  ownAddress(): number { return this.udp === undefined ? this.mediaAddress() : this.udp.ownAddress(); }

  deviceId(port: number): number { return this.udp === undefined ? this.device : this.udp.deviceId(port); }

  close(): void {
    this.onDatagram = undefined;
    for (let i = 0; i < this.all.length; i++) this.all[i].close();
    if (this.udp !== undefined) this.udp.close();
  }

  // Of `Media`.

  setOwnAddress(address: number, port: number): void {
    if (!this.hasUdp) return;
    this.ownAddressNow = address;
    this.ownPort = port;
  }

  reaches(address: number): boolean {
    if (isLineAddress(address)) return address - LINE_ADDRESSES <= this.lines;
    if (isMediaAddress(address) ? this.sharedBytesMax > 0 : this.hasUdp) return true;
    for (let i = 0; i < this.peers.length; i++) if (this.peers[i].address === address) return true;
    return false;
  }

  bytesMax(address: number, port: number): number {
    if (address === BROADCAST) return this.bytesMaxLeast;
    const peer = this.peerAt(address, port);
    const line = isLineAddress(address) ? this.lineOf.indexOf(address - LINE_ADDRESSES) : -1;
    if (peer !== undefined || line >= 0) return payloadBytes(this.all[peer === undefined ? line : peer.medium]);
    return isMediaAddress(address) ? this.sharedBytesMax : DATAGRAM_BYTES_MAX;
  }

  private mediaAddress(): number { return mediaAddress(this.device); }

  private openMedium(medium: number, onError: (error: Error) => void): void {
    this.all[medium].open((bytes, length, station) => this.receive(medium, station, bytes, length), onError);
  }

  private receive(medium: number, station: number, bytes: Uint8Array, length: number): void {
    const kind = bytes[0];
    const head = kind === FOR_ONE ? LONG_HEAD_BYTES : HEAD_BYTES;
    if ((kind !== FOR_ALL && kind !== FOR_ONE) || length <= head || this.onDatagram === undefined) {
      this.ignored++;
      return;
    }
    const address = readU32(bytes, SOURCE_AT);
    const port = readU16(bytes, SOURCE_AT + 4);
    const isForMe = kind === FOR_ALL
      || this.isOwn(readU32(bytes, TARGET_AT), readU16(bytes, TARGET_AT + 4));
    // On a bus a node gets its own frames back.
    const isOdd = address === 0 || address === BROADCAST || isLineAddress(address) || port === 0;
    if (isOdd || this.isOwn(address, port)) {
      this.ignored++;
      return;
    }
    this.hear(address, port, medium, station);
    if (isForMe) this.onDatagram(bytes.subarray(head, length), length - head, address, port);
    else this.ignored++;
  }

  private isOwn(address: number, port: number): boolean {
    return port === this.ownPort && (address === this.ownAddressNow || address === this.mediaAddress());
  }

  /** @param station 0: the receiver is not known */
  private sendFrame(
    medium: number, station: number, bytes: Uint8Array, length: number, address: number, port: number,
  ): void {
    const isForAll = station !== 0 || this.all[medium].isLine || address === BROADCAST;
    const head = isForAll ? HEAD_BYTES : LONG_HEAD_BYTES;
    const buffer = this.buffer;
    const frameBytes = head + length;
    if (frameBytes > this.all[medium].frameBytesMax) throw new Error("the datagram is too long for the medium");
    buffer[0] = isForAll ? FOR_ALL : FOR_ONE;
    const own = this.ownAddressNow;
    writeU32(buffer, SOURCE_AT, own === 0 ? this.mediaAddress() : own);
    writeU16(buffer, SOURCE_AT + 4, this.ownPort);
    if (!isForAll) {
      writeU32(buffer, TARGET_AT, address);
      writeU16(buffer, TARGET_AT + 4, port);
    }
    for (let i = 0; i < length; i++) buffer[head + i] = bytes[i];
    this.all[medium].send(buffer, frameBytes, station);
  }

  /** To the end of a line or, for a node that was not heard, to all on media that are no lines. */
  private sendUnheard(bytes: Uint8Array, length: number, address: number, port: number): void {
    const line = isLineAddress(address) ? address - LINE_ADDRESSES : 0;
    const all = this.all;
    for (let i = 0; i < all.length; i++) {
      if (this.lineOf[i] === line) this.sendFrame(i, 0, bytes, length, address, port);
    }
  }

  private broadcast(bytes: Uint8Array, length: number, port: number): void {
    let failure: unknown;
    for (let i = UDP; i < this.all.length; i++) {
      try {
        if (i !== UDP) this.sendFrame(i, 0, bytes, length, BROADCAST, port);
        else if (this.udp !== undefined) this.udp.send(bytes, length, BROADCAST, port);
      } catch (error) {
        failure = error;
      }
    }
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- It is the platform's error.
    if (failure !== undefined) throw failure;
  }

  private peerAt(address: number, port: number): Peer | undefined {
    for (let i = 0; i < this.peers.length; i++) {
      const peer = this.peers[i];
      if (peer.address === address && peer.port === port) return peer;
    }
    return undefined;
  }

  private hear(address: number, port: number, medium: number, station: number): void {
    const peer = this.peerAt(address, port);
    if (peer !== undefined) {
      peer.medium = medium;
      peer.station = station;
    } else if (this.peers.length < PEERS_MAX) {
      this.peers.push({ address, port, medium, station });
    } else {
      this.peers[this.nextPeer] = { address, port, medium, station };
      this.nextPeer = (this.nextPeer + 1) % PEERS_MAX;
    }
  }

  /** A node that is heard over UDP is reached over UDP. */
  private forget(address: number, port: number): void {
    const peer = this.peerAt(address, port);
    if (peer === undefined) return;
    this.peers.splice(this.peers.indexOf(peer), 1);
    this.nextPeer = 0;
  }
}

interface Peer {
  address: number;
  port: number;
  medium: number;
  station: number;
}

/** The longest datagram on a medium. */
function payloadBytes(medium: Medium): number {
  return medium.frameBytesMax - (medium.isLine ? HEAD_BYTES : LONG_HEAD_BYTES);
}
