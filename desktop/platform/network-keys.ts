import { networkHash } from "../../src/engine/table/hash.js";
import { FileStorage } from "./file-storage.js";
import type { Gossip } from "./gossip.js";
import { KeyChanges } from "./key-changes.js";
import { KeyRing, type RingState } from "./key-ring.js";
import { keyNumber } from "./sealed-key.js";
import type { Card, SigningFolder } from "./signing-folder.js";

/** Rounds without a frame under the key that counts, after which a node tries the newest that it holds (10.12). */
const LONELY_ROUNDS = 16;

/** The network's keys that a node was given. */
export interface KeysByHand {
  key: Uint8Array | undefined;
  otherKey: Uint8Array | undefined;
}

/** Where a node says what happens to the network's keys. */
export interface KeyLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface NetworkKeysOptions {
  folder: SigningFolder;
  storage?: string;
  /** The device's Ed25519 key pair. */
  secret: Uint8Array;
  publicKey: Uint8Array;
  card: Card & { owner: Uint8Array };
  byHand: KeysByHand;
  network?: string;
  id?: number;
  newId?: true;
  /** In ms. */
  interval: number;
  log: KeyLog;
}

/** The network's keys of a node whose owner may change them: where they come from, are stored and confirmed. */
export class NetworkKeys {
  readonly ring: KeyRing;
  readonly changes: KeyChanges;
  readonly owner: Uint8Array;
  /** Hash of the network's name; 0: it has none. */
  readonly network: number;
  private readonly options: NetworkKeysOptions;
  private gossip: Gossip | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Before the start nothing is stored: the folder is not locked yet. */
  private isLocked = false;

  /**
   * @returns undefined: the network has no key
   * @throws Error where the network has one, but not the node; what `SigningFolder.readKeys` throws
   */
  static open(options: NetworkKeysOptions): NetworkKeys | undefined {
    const keys = new NetworkKeys(options);
    if (!keys.ring.isEmpty) return keys;
    // Without a key the node would send in clear what the others seal.
    if (options.card.statements.length > 0) {
      throw new Error("the owner changed the network's key, and the card has none for this device: print a card after "
        + "the device was admitted");
    }
    return undefined;
  }

  private constructor(options: NetworkKeysOptions) {
    const { folder, secret, publicKey, card, byHand, network, interval } = options;
    this.options = options;
    this.owner = card.owner;
    this.network = network === undefined ? 0 : networkHash(new TextEncoder().encode(network));
    this.ring = new KeyRing({ ...byHand, nowMs: () => performance.now(), lonelyMs: LONELY_ROUNDS * interval });
    const stored = folder.readKeys();
    if (stored !== undefined) this.ring.set(stored);
    const id = this.storedId();
    this.changes = new KeyChanges({
      ring: this.ring, owner: this.owner, network: this.network, secret, publicKey, id: () => this.gossip?.id ?? id,
      store: (state) => this.store(state), onChange: (text, error) => this.changed(text, error),
    });
    for (const statement of card.statements) this.changes.take(statement);
  }

  /** The node's folder is about to be locked by its start. */
  starting(gossip: Gossip): void {
    this.gossip = gossip;
    this.isLocked = true;
  }

  /** The node has started. */
  start(): void {
    const { ring, options: { folder, interval, log, byHand: { key } } } = this;
    if (ring.current.keys.length > 0) folder.writeKeys(ring.current);
    if (key !== undefined && ring.isBeyondOwn && !ring.holds(key)) {
      log.warn("the key that was given by hand is not used: the owner changed the network's key, and the storage has "
        + `key ${keyNumber(ring.sealing.name)}`);
    }
    const { changes, gossip } = this;
    this.timer = setInterval(() => gossip && changes.endRound(gossip), interval);
    if (gossip !== undefined) changes.confirm(gossip);
  }

  close(): void {
    clearInterval(this.timer);
    this.gossip = undefined;
  }

  private store(state: RingState): void {
    if (this.isLocked) this.options.folder.writeKeys(state);
  }

  private changed(text: string, error: Error | undefined): void {
    const { log } = this.options;
    if (error === undefined) log.info(text);
    else log.warn(`${text}: ${error.message}`);
    // Not while the node is amid an input.
    setImmediate(() => {
      if (this.timer !== undefined && this.gossip !== undefined) this.changes.confirm(this.gossip);
    });
  }

  /** The id under which the node will start; undefined: it draws one. */
  private storedId(): number | undefined {
    const { id, newId, storage } = this.options;
    if (id !== undefined) return id;
    return newId || storage === undefined ? undefined : new FileStorage(storage).readId();
  }
}
