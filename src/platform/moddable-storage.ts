import type { GossipLog, GossipStorage } from "./types.js";

/** The SDK's class `Preference`. */
export interface Preferences {
  get(domain: string, key: string): unknown;
  /** Numbers are int32, and an ArrayBuffer has at most 63 bytes. */
  set(domain: string, key: string, value: number | ArrayBuffer): void;
  delete(domain: string, key: string): void;
}

/**
 * Keeps the revision, the id and 10 addresses of other nodes in the SDK's
 * preferences. They erase a value before they rewrite it, so two keys take turns
 * with the revision: a power loss leaves one of them intact. The id is written once.
 */
export class PreferenceStorage implements GossipStorage {
  readonly log?: GossipLog;
  // An argument, not an import: a preloaded module runs its imports at build time, and the simulator's cannot.
  private readonly preferences: Preferences;
  private readonly domain: string;

  /**
   * @param domain of the preferences, at most 15 characters, the limit of ESP32
   * @param log for events, such as a `FlashLog`
   */
  constructor(preferences: Preferences, domain: string, log?: GossipLog) {
    this.preferences = preferences;
    this.domain = domain;
    if (log !== undefined) this.log = log;
  }

  readRevision(): number | undefined {
    const one = this.read(KEY_ONE);
    const two = this.read(KEY_TWO);
    if (one === undefined || two === undefined) return one ?? two;
    return one > two ? one : two;
  }

  writeRevision(revision: number): void {
    const one = this.read(KEY_ONE) ?? -1;
    const two = this.read(KEY_TWO) ?? -1;
    const newer = one > two ? KEY_ONE : KEY_TWO;
    this.preferences.set(this.domain, newer === KEY_ONE ? KEY_TWO : KEY_ONE, revision | 0);
    if (revision < Math.max(one, two)) this.preferences.delete(this.domain, newer);
  }

  readId(): number | undefined {
    return this.read(KEY_ID);
  }

  writeId(id: number): void {
    this.preferences.set(this.domain, KEY_ID, id | 0);
  }

  readPeers(): Uint8Array | undefined {
    const value = this.preferences.get(this.domain, KEY_PEERS);
    return typeof value === "object" ? new Uint8Array(value as ArrayBuffer) : undefined;
  }

  writePeers(bytes: Uint8Array, length: number): void {
    const peers = new Uint8Array(Math.min(length, PEERS_BYTES_MAX));
    peers.set(bytes.subarray(0, peers.length));
    this.preferences.set(this.domain, KEY_PEERS, peers.buffer);
  }

  private read(key: string): number | undefined {
    const value = this.preferences.get(this.domain, key);
    return typeof value === "number" ? value >>> 0 : undefined;
  }
}

const KEY_ID = "id";
/** Also the end of the file's name on Espruino. */
export const KEY_PEERS = "peers";
/** A preference has at most 63 bytes. */
const PEERS_BYTES_MAX = 60;
const KEY_ONE = "revision1";
const KEY_TWO = "revision2";
