import { show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import type { Medium } from "../../src/platform/media-socket.js";
import type { Faults } from "./faults.js";
import type { SimRandom } from "./random.js";
import type { Topology } from "./topology.js";

/*
 * ESP-NOW on one channel, with the facts of IEEE 802.11 that decide what arrives: frames of at most 250 bytes at
 * 1 Mbit/s; one sender at a time in reach of each other, with a random backoff; acknowledgements and retries for frames
 * to one station, none for frames to all; collisions of senders that do not hear each other.
 */

/** Longest body of an ESP-NOW frame of version 1. */
export const RADIO_FRAME_BYTES = 250;
/** What a frame has beside its body: 24 of MAC header, 1 category, 3 organization, 4 random, 7 element, 4 checksum. */
const HEAD_BYTES = 43;
const ACK_BYTES = 14;
/** At 1 Mbit/s. */
const MS_PER_BYTE = 0.008;
/** Long preamble and PLCP header. */
const PREAMBLE_MS = 0.192;
const SIFS_MS = 0.01;
const DIFS_MS = 0.05;
const SLOT_MS = 0.02;
/** Slots of the first backoff; each retry doubles them, up to the most. */
const SLOTS_MIN = 32;
const SLOTS_MAX = 1024;
/** Transmissions of a frame to one station, with the first one. */
const ATTEMPTS_MAX = 7;
/** Frames that wait in a station; one more is lost, as a datagram is in a network that is too busy. */
const QUEUE_MAX = 64;
/** The port of what arrives by radio, with the station in place of an address. */
export const RADIO_PORT = -1;

/** A device with a radio, by its place in the network. */
export interface RadioDevice {
  readonly index: number;
  readonly isRunning: boolean;
  readonly hasRadio: boolean;
}

/** The network around a radio. */
export interface RadioNetwork<Device extends RadioDevice> {
  readonly nowMs: number;
  readonly nodes: readonly Device[];
  readonly faults: Faults;
  readonly topology: Topology | undefined;
  schedule(delayMs: number, run: () => void): unknown;
  /** A frame arrives: its bytes, their number, the station that sent it. */
  arrive(to: Device, bytes: Uint8Array, station: number): void;
}

export interface RadioOptions {
  /** Of each transmission and acknowledgement, beside the faults of the network: 0 to 1. */
  lossProbability: number;
}

/** Since the start of the network. */
export interface RadioCounts {
  /** Frames that stations sent, without retries. */
  frames: number;
  broadcasts: number;
  retries: number;
  /** Bytes of the longest frame. */
  largestBytes: number;
  /** Of all transmissions and acknowledgements together. */
  airtimeMs: number;
  /** Receptions lost because two transmissions met. */
  collisions: number;
  /** Receptions lost or damaged at random. */
  lost: number;
  /** Frames to one station that no attempt brought there, as far as their sender knows. */
  unacknowledged: number;
  /** Frames lost because too many waited. */
  refused: number;
}

interface Frame {
  bytes: Uint8Array;
  /** 0: to all. */
  station: number;
  attempt: number;
  /** Receivers drop a frame that they have already got. */
  hasArrived: boolean;
}

/** What a station hears now. */
interface Reception {
  untilMs: number;
  isDamaged: boolean;
}

interface Station {
  waiting: Frame[];
  isSending: boolean;
  /** Until when the station itself transmits. */
  sendsUntilMs: number;
  heard: Reception | undefined;
  /** Counts switchings off: frames of a former life are lost. */
  life: number;
}

/** The channel that all stations of a network share. A station's number is its device's place plus 1. */
export class SimRadio<Device extends RadioDevice> {
  readonly counts: RadioCounts = {
    frames: 0, broadcasts: 0, retries: 0, largestBytes: 0, airtimeMs: 0, collisions: 0, lost: 0, unacknowledged: 0,
    refused: 0,
  };
  private readonly network: RadioNetwork<Device>;
  private readonly random: SimRandom;
  private readonly lossProbability: number;
  private readonly stations: Station[] = [];

  constructor(network: RadioNetwork<Device>, random: SimRandom, options: RadioOptions) {
    const { lossProbability } = options;
    if (!(lossProbability >= 0 && lossProbability <= 1)) {
      const problem = `${show(lossProbability)} is not a number from 0 to 1`;
      throw invalid("", "radio.lossProbability", problem, typeof lossProbability === "number");
    }
    this.lossProbability = lossProbability;
    this.network = network;
    this.random = random;
  }

  /** The radio of a device for one start. @param onOpen gets what receives frames, and undefined at the end */
  medium(device: Device, onOpen: (onFrame: Parameters<Medium["open"]>[0] | undefined) => void): Medium {
    return {
      frameBytesMax: RADIO_FRAME_BYTES,
      isLine: false,
      open: (onFrame) => onOpen(onFrame),
      send: (bytes, length, station) => this.send(device, bytes, length, station),
      close: () => onOpen(undefined),
    };
  }

  /** The power of a device is off. */
  powerOff(device: Device): void {
    const station = this.stationOf(device.index);
    station.life++;
    station.waiting = [];
    station.isSending = false;
    station.heard = undefined;
  }

  private stationOf(index: number): Station {
    this.stations[index] ??= { waiting: [], isSending: false, sendsUntilMs: 0, heard: undefined, life: 0 };
    return this.stations[index];
  }

  private send(device: Device, bytes: Uint8Array, length: number, to: number): void {
    const { counts } = this;
    const station = this.stationOf(device.index);
    if (!device.isRunning) return;
    if (length > RADIO_FRAME_BYTES) throw new Error(`a frame of ${length} bytes is too long for ESP-NOW`);
    if (station.waiting.length >= QUEUE_MAX) {
      counts.refused++;
      return;
    }
    counts.frames++;
    if (to === 0) counts.broadcasts++;
    counts.largestBytes = Math.max(counts.largestBytes, length);
    station.waiting.push({ bytes: bytes.slice(0, length), station: to, attempt: 1, hasArrived: false });
    if (!station.isSending) this.contend(device, station);
  }

  /** Waits until the channel is free where the station is, and for a random time. */
  private contend(device: Device, station: Station): void {
    const frame = station.waiting[0];
    if (frame === undefined) {
      station.isSending = false;
      return;
    }
    station.isSending = true;
    const slots = Math.min(SLOTS_MIN << (frame.attempt - 1), SLOTS_MAX);
    const freeMs = Math.max(station.heard?.untilMs ?? 0, station.sendsUntilMs, this.network.nowMs);
    const waitMs = freeMs - this.network.nowMs + DIFS_MS + this.random.below(slots) * SLOT_MS;
    this.after(waitMs, station, () => {
      const isBusy = station.heard !== undefined && station.heard.untilMs > this.network.nowMs;
      if (isBusy) this.contend(device, station);
      else this.transmit(device, station, frame);
    });
  }

  private transmit(device: Device, station: Station, frame: Frame): void {
    const { network, counts } = this;
    const airtimeMs = PREAMBLE_MS + (HEAD_BYTES + frame.bytes.length) * MS_PER_BYTE;
    const ackMs = frame.station === 0 ? 0 : SIFS_MS + PREAMBLE_MS + ACK_BYTES * MS_PER_BYTE;
    // Who hears a frame leaves the channel to its acknowledgement.
    const untilMs = network.nowMs + airtimeMs + ackMs;
    counts.airtimeMs += airtimeMs + ackMs;
    if (frame.attempt > 1) counts.retries++;
    station.sendsUntilMs = untilMs;
    // A station that transmits hears nothing.
    if (station.heard !== undefined && station.heard.untilMs > network.nowMs) station.heard.isDamaged = true;
    const receptions: { to: Device; reception: Reception }[] = [];
    for (const to of network.nodes) {
      if (to === device || !to.isRunning || !to.hasRadio) continue;
      if (network.topology?.reaches(device.index, to.index) === false) continue;
      receptions.push({ to, reception: this.beginReception(to, untilMs) });
    }
    this.after(airtimeMs, station, () => {
      let isAcknowledged = false;
      for (const { to, reception } of receptions) {
        const arrives = this.endReception(device, to, reception, frame);
        if (arrives && frame.station === to.index + 1) isAcknowledged = this.isHeardBack(to, device);
      }
      this.after(ackMs, station, () => this.sent(device, station, frame, isAcknowledged));
    });
  }

  private beginReception(to: Device, untilMs: number): Reception {
    const station = this.stationOf(to.index);
    const { nowMs } = this.network;
    const isBusy = station.sendsUntilMs > nowMs;
    const other = station.heard !== undefined && station.heard.untilMs > nowMs ? station.heard : undefined;
    if (other !== undefined) other.isDamaged = true;
    const reception = { untilMs, isDamaged: isBusy || other !== undefined };
    // The channel is taken until both are over.
    if (other !== undefined && other.untilMs > untilMs) reception.untilMs = other.untilMs;
    station.heard = reception;
    return reception;
  }

  /** Returns whether the frame arrived. */
  private endReception(from: Device, to: Device, reception: Reception, frame: Frame): boolean {
    const { network, counts, random } = this;
    const isFor = frame.station === 0 || frame.station === to.index + 1;
    if (!to.isRunning || !isFor) return false;
    if (reception.isDamaged) {
      counts.collisions++;
      return false;
    }
    const { faults } = network;
    if (faults.cuts.some((cut) => cut(from, to))) return false;
    const link = faults.link?.(from, to) ?? faults;
    // Radios drop what fails their checksum of 32 bits.
    if (this.isLost(link.lossProbability) || random.chance(link.corruptProbability)) {
      counts.lost++;
      return false;
    }
    // A frame whose acknowledgement was lost comes again, and is dropped by its number.
    if (frame.hasArrived && frame.station !== 0) return true;
    frame.hasArrived = true;
    network.arrive(to, frame.bytes, from.index + 1);
    return true;
  }

  /** Whether an acknowledgement arrives. */
  private isHeardBack(from: Device, to: Device): boolean {
    const { faults, topology } = this.network;
    if (topology?.reaches(from.index, to.index) === false || faults.cuts.some((cut) => cut(from, to))) return false;
    return !this.isLost((faults.link?.(from, to) ?? faults).lossProbability);
  }

  private isLost(lossProbability: number): boolean {
    return this.random.chance(this.lossProbability) || this.random.chance(lossProbability);
  }

  private sent(device: Device, station: Station, frame: Frame, isAcknowledged: boolean): void {
    const isOver = frame.station === 0 || isAcknowledged || frame.attempt === ATTEMPTS_MAX;
    if (isOver) {
      if (frame.station !== 0 && !isAcknowledged) this.counts.unacknowledged++;
      station.waiting.shift();
    } else {
      frame.attempt++;
    }
    this.contend(device, station);
  }

  private after(delayMs: number, station: Station, run: () => void): void {
    const { life } = station;
    this.network.schedule(delayMs, () => {
      if (station.life === life) run();
    });
  }
}
