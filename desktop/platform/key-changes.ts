import type { Gossip } from "../../src/gossip.js";
import type { FeedEvent, FeedView } from "../../src/views/feed-event.js";
import type { KeyRing, RingState } from "./key-ring.js";
import { type KeyStatement, isOfOwner, keyNumber, openKey, readStatement } from "./sealed-key.js";

/** Topic of the events that change the network's key, "+rekey": each author's value stands beside those of others. */
export const KEY_TOPIC = "+rekey";
/** Key of the event in which a device says which key it holds. */
export const HOLDS = "holds";
const NAME_DIGITS = 24;
/** Bad statements that are verified in a round, at most: a verification takes time. */
const BAD_MAX = 32;

/** Statements that a node did not follow, by reason. */
export interface IgnoredKeys {
  /** What is in the topic is no statement. */
  form: number;
  /** The owner of this network did not sign it, or for another network. */
  signature: number;
  /** A later one was followed before. */
  old: number;
  /** It names this device, but is sealed for another one. */
  unopened: number;
  /** It came after too many bad ones of this round, and is verified in the next. */
  unverified: number;
}

/** How far a device has gone with a key. Each includes those before. */
export const STEPS = ["opens", "seals", "only"] as const;

/** What a device says about the network's newest key that it holds. */
export interface KeyHolding {
  name: string;
  /** "opens": it opens frames with it. "seals": it seals with it, too. "only": it has forgotten all older keys. */
  step: typeof STEPS[number];
}

export interface KeyChangesOptions {
  ring: KeyRing;
  /** The owner's Ed25519 public key. */
  owner: Uint8Array;
  /** Hash of the network's name; 0: it has none. */
  network: number;
  /** Ed25519 key pair of this device. */
  secret: Uint8Array;
  publicKey: Uint8Array;
  /** Id of this device; undefined: it is not known yet. */
  id: () => number | undefined;
  /** Stores a state, before it is used. What it throws is reported; the state is not used then. */
  store: (state: RingState) => void;
  /** Called after each change that is used, and with an error of `store`. */
  onChange: (text: string, error?: Error) => void;
}

/** Place of an event in the order of `eachEvent`. */
interface Place {
  feed: number;
  generation: number;
  sequence: number;
}

/** Of `Gossip`, what has to do with events. */
export type KeyEvents = Pick<Gossip, "eachEvent" | "set">;

/** Follows what the owner states about the network's key in events: for `views` of `eventFeeds`. */
export class KeyChanges implements FeedView {
  readonly ignored: IgnoredKeys = { form: 0, signature: 0, old: 0, unopened: 0, unverified: 0 };
  readonly endMs = Infinity;
  private readonly options: KeyChangesOptions;
  private bad = 0;
  /** Whether a statement waits for another round. */
  private isBehind = false;
  /** Where the pass over all events ended for this round; undefined: none is under way. */
  private lookedAt: Place | undefined;
  /** Stamp and value of this device's last word about its keys. */
  private said = { timeMs: 0, counter: 0, value: "" };

  constructor(options: KeyChangesOptions) {
    this.options = options;
  }

  apply(event: FeedEvent): void {
    if (event.topic !== KEY_TOPIC || event.kind !== "set") return;
    if (event.key === HOLDS) {
      this.noteOwn(event);
      return;
    }
    const statement = event.value instanceof Uint8Array ? readStatement(event.value) : undefined;
    if (statement === undefined) this.ignored.form++;
    else this.take(statement);
  }

  bind(): void { /* It needs no time. */ }
  /** What the owner stated stays. The own feed may begin anew, with earlier stamps. */
  forget(author: number): boolean {
    if (author === this.options.id()) this.clear();
    return false;
  }

  clear(): void { this.said = { timeMs: 0, counter: 0, value: "" }; }
  settle(): boolean { return false; }

  /** A round is over: statements that wait are looked at again. */
  endRound(gossip: KeyEvents): void {
    this.bad = 0;
    if (this.isBehind || this.lookedAt !== undefined) this.lookAgain(gossip);
    this.confirm(gossip);
  }

  /** Looks at all events, in as many rounds as bad statements take: no number of them hides a good one for ever. */
  private lookAgain(gossip: KeyEvents): void {
    const from = this.lookedAt;
    // What comes too late for its round while this pass lasts needs another one.
    if (from === undefined) this.isBehind = false;
    let last = from;
    gossip.eachEvent((event) => {
      if (event.topic !== KEY_TOPIC || this.bad >= BAD_MAX || (from !== undefined && !isBeyond(event, from))) return;
      last = placeOf(event);
      this.apply(event);
    });
    this.lookedAt = this.bad >= BAD_MAX ? last : undefined;
  }

  /** Publishes which key this device holds, if it has not said it yet. */
  confirm(gossip: KeyEvents): void {
    const holding = holdingOf(this.options.ring);
    if (holding === undefined) return;
    const value = writeHolding(holding);
    if (value.toString("hex") === this.said.value) return;
    try {
      gossip.set(KEY_TOPIC, HOLDS, new Uint8Array(value));
    } catch {
      // There is no room for it now. The next round tries again.
    }
  }

  /** Follows a statement if it is for this device, and of the owner. */
  take(statement: KeyStatement): void {
    const { ring, owner, network, id } = this.options;
    const { kind, name } = statement;
    if (kind === "owner" || (kind === "device" && statement.id !== id())) return;
    const { switched, ended, keys } = ring.current;
    const isKnown = kind === "device" ? keys.some((key) => key.name === name)
      : name === (kind === "switch" ? switched : ended);
    if (isKnown) return;
    const isOld = kind === "device" ? name < ended || (!ring.isEmpty && name <= ring.sealing.name)
      : name < (kind === "switch" ? switched : ended);
    if (isOld) {
      this.ignored.old++;
      return;
    }
    if (this.bad >= BAD_MAX) {
      this.ignored.unverified++;
      this.isBehind = true;
      return;
    }
    if (!isOfOwner(statement, owner, network)) {
      this.bad++;
      this.ignored.signature++;
      return;
    }
    if (kind === "device") this.open(statement);
    else this.use(ring.stated(kind, name));
  }

  private open(statement: KeyStatement): void {
    const { ring, secret, publicKey, network } = this.options;
    const key = openKey(statement, secret, publicKey, network);
    if (key !== undefined) {
      this.use(ring.with({ name: statement.name, key }));
      return;
    }
    this.bad++;
    this.ignored.unopened++;
  }

  private use(state: RingState): void {
    const { ring, store, onChange } = this.options;
    try {
      store(state);
    } catch (error) {
      this.isBehind = true;
      onChange("the network's new key cannot be stored, and is not used", error as Error);
      return;
    }
    ring.set(state);
    onChange(textOf(ring));
  }

  private noteOwn({ author, copiedBy, timeMs, counter, value }: FeedEvent): void {
    if (author !== this.options.id() || copiedBy !== undefined || !(value instanceof Uint8Array)) return;
    const { said } = this;
    if (timeMs < said.timeMs || (timeMs === said.timeMs && counter < said.counter)) return;
    this.said = { timeMs, counter, value: Buffer.from(value).toString("hex") };
  }
}

function placeOf({ author, copiedBy, generation, sequence }: FeedEvent): Place {
  return { feed: copiedBy ?? author, generation, sequence };
}

/** Whether an event comes after a place. A new generation of a feed was not looked at yet. */
function isBeyond(event: FeedEvent, place: Place): boolean {
  const { feed, generation, sequence } = placeOf(event);
  return feed !== place.feed ? feed > place.feed : generation !== place.generation || sequence > place.sequence;
}

/** Reads what a device says about its keys; undefined: it is something else. */
export function readHolding(value: unknown): KeyHolding | undefined {
  const isOne = value instanceof Uint8Array && value.length === 1 + NAME_DIGITS / 2 && value[0] < STEPS.length;
  return !isOne ? undefined : { step: STEPS[value[0]], name: Buffer.from(value.subarray(1)).toString("hex") };
}

function writeHolding({ name, step }: KeyHolding): Buffer {
  return Buffer.concat([Buffer.of(STEPS.indexOf(step)), Buffer.from(name, "hex")]);
}

/** undefined while a node has no key but those that it was given by hand. */
function holdingOf({ current: { keys }, names, sealing }: KeyRing): KeyHolding | undefined {
  const name = keys.at(-1)?.name;
  if (name === undefined) return undefined;
  return { name, step: sealing.name !== name ? "opens" : names.length === 1 ? "only" : "seals" };
}

function textOf(ring: KeyRing): string {
  const holding = holdingOf(ring);
  const { switched, ended } = ring.current;
  const stated = switched > ended ? switched : ended;
  if (holding === undefined || holding.name < stated) {
    return `the owner changed the network's key, and this node does not have key ${keyNumber(stated)}: it needs a card`;
  }
  const number = keyNumber(holding.name);
  switch (holding.step) {
    case "opens": return `key ${number} of the network arrived: the node opens frames with it`;
    case "seals": return `the node seals with key ${number} of the network`;
    default: return `the node has only key ${number} of the network`;
  }
}
