import type { Sealer } from "../../src/engine/wire/sealer.js";
import { sealFrame, unsealFrame } from "./node-sealing.js";

/** A key of the network. */
export interface RingKey {
  /** `keyName`; empty: the key that the node was given by hand. */
  name: string;
  key: Uint8Array;
}

/** What a node must not forget of the network's keys. */
export interface RingState {
  /** Keys that came sealed to this node, the oldest first. */
  keys: readonly RingKey[];
  /** Name of the latest key with which the owner has nodes seal; empty: of none. */
  switched: string;
  /** Name of the latest key of which the owner ended all older ones; empty: of none. */
  ended: string;
}

export interface KeyRingOptions {
  /** The key that the node was given by hand. */
  key?: Uint8Array | undefined;
  /** A further one that only opens frames. */
  otherKey?: Uint8Array | undefined;
  /** A time that only grows, in milliseconds. */
  nowMs: () => number;
  /** After so long without a frame under the key with which the node should seal it tries the newest one. */
  lonelyMs: number;
}

/** Keys of a ring. Of more, the oldest that is not used for sealing is forgotten. */
export const RING_KEYS = 4;

/**
 * The keys with which a node seals and opens frames, while the owner changes them. It opens what is sealed with any of
 * them. It seals with the latest one to which the owner has switched.
 *
 * A node that was away may have missed that. If it hears nothing under that key or an older one for a while, and holds
 * newer ones, it seals with the newest, until it hears something under the older ones again. So a node that holds the
 * new key is never locked out, and no frame makes another node leave the owner's word.
 */
export class KeyRing implements Sealer {
  private readonly options: KeyRingOptions;
  private readonly own: readonly RingKey[];
  private held: RingKey[] = [];
  private sealingAt = 0;
  private state: RingState = { keys: [], switched: "", ended: "" };
  private heardMs: number;

  /** It needs a key, of the options or by `set`, before its first frame. */
  constructor(options: KeyRingOptions) {
    this.options = options;
    this.own = options.key === undefined ? [] : [{ name: "", key: options.key }];
    this.heardMs = options.nowMs();
    this.set(this.state);
  }

  get isEmpty(): boolean { return this.held.length === 0; }

  /** Names of all keys, the oldest first. */
  get names(): string[] { return this.held.map(({ name }) => name); }

  /** The key with which the owner has the node seal. */
  get sealing(): RingKey { return this.held[this.sealingAt]; }

  /** Whether keys that were given by hand no longer count. */
  get isBeyondOwn(): boolean { return this.held.length > 0 && this.held[0].name !== ""; }

  /** Whether frames under a key are opened. */
  holds(key: Uint8Array): boolean {
    return this.held.some((one) => Buffer.compare(one.key, key) === 0);
  }

  get current(): RingState { return this.state; }

  /** What the state becomes by a further key. */
  with(key: RingKey): RingState {
    const keys = [...this.state.keys, key].sort((one, other) => one.name < other.name ? -1 : 1);
    const { name: sealing } = this.isEmpty ? key : this.sealing;
    while (keys.length > RING_KEYS) keys.splice(keys.findIndex(({ name }) => name !== sealing), 1);
    return { ...this.state, keys };
  }

  /** What the state becomes by a further word of the owner. Without that key older ones go on. */
  stated(kind: "switch" | "end", name: string): RingState {
    return settled(kind === "switch" ? { ...this.state, switched: name } : { ...this.state, ended: name });
  }

  /** Uses a state from now on. It must be stored before. */
  set(state: RingState): void {
    const settledState = settled(state);
    this.state = settledState;
    const { keys, switched, ended } = settledState;
    this.held = isEnded(settledState) ? [...keys] : [...this.own, ...keys];
    const latest = switched > ended ? switched : ended;
    this.sealingAt = Math.max(0, this.held.findLastIndex(({ name }) => name <= latest));
    this.heardMs = this.options.nowMs();
  }

  seal(frame: Uint8Array, headLength: number, length: number, room: number, receiver: number): number {
    const isLonely = this.options.nowMs() - this.heardMs > this.options.lonelyMs;
    const { key } = this.held[isLonely ? this.held.length - 1 : this.sealingAt];
    return sealFrame(key, frame, headLength, length, room, receiver);
  }

  unseal(frame: Uint8Array, headLength: number, length: number, receiver: number): number {
    const { held, sealingAt, options: { otherKey, nowMs } } = this;
    for (let i = 0; i < held.length; i++) {
      // The key that is used most comes first.
      const at = i === 0 ? sealingAt : i <= sealingAt ? i - 1 : i;
      const plain = unsealFrame(held[at].key, frame, headLength, length, receiver);
      if (plain < 0) continue;
      if (at <= sealingAt) this.heardMs = nowMs();
      return plain;
    }
    if (otherKey === undefined || this.isBeyondOwn) return -1;
    const plain = unsealFrame(otherKey, frame, headLength, length, receiver);
    if (plain >= 0) this.heardMs = nowMs();
    return plain;
  }
}

/** Whether the keys that were given by hand are ended: the node holds one that is not. */
function isEnded({ keys, ended }: RingState): boolean {
  return ended !== "" && keys.some(({ name }) => name >= ended);
}

/** A state without the keys that were ended. A node that holds no later key keeps them: it has no better ones. */
function settled(state: RingState): RingState {
  return isEnded(state) ? { ...state, keys: state.keys.filter(({ name }) => name >= state.ended) } : state;
}
