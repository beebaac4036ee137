import { failure, invalid } from "../../src/errors.js";
import type { Gossip } from "../platform/gossip.js";
import {
  HOLDS, type IgnoredKeys, KEY_TOPIC, type KeyChanges, type KeyHolding, readHolding,
} from "../platform/key-changes.js";
import type { KeyRing } from "../platform/key-ring.js";
import { type KeyStatement, isOfOwner, readStatement } from "../platform/sealed-key.js";
import { hexOf } from "../platform/signing-folder.js";

/** What a node says about the network's keys. No key is in it; all bytes are hexadecimal text. */
export interface KeysState {
  id: number;
  owner: string;
  /** Hash of the network's name; 0: it has none. */
  network: number;
  /** Names of the keys that the node holds, the oldest first; that of a key that was given by hand is empty. */
  held: string[];
  /** Name of the one with which it seals. */
  sealing: string;
  /** What the owner stated, as far as the node holds it. */
  statements: string[];
  /** What devices say that they hold, each in its own feed. */
  holdings: ({ author: number } & KeyHolding)[];
  ignored: IgnoredKeys;
}

/** What a node knows of the network's keys, and follows. */
export interface RekeyedNode {
  ring: KeyRing;
  changes: KeyChanges;
  owner: Uint8Array;
  network: number;
}

/** What can be asked of the network's keys of a running node, and done with them. */
export class NodeRekeying {
  private readonly gossip: Gossip;
  private readonly node: RekeyedNode;

  constructor(gossip: Gossip, node: RekeyedNode) {
    this.gossip = gossip;
    this.node = node;
  }

  state(): KeysState {
    const { gossip, node: { ring, changes, owner, network } } = this;
    const statements = new Map<string, KeyStatement>();
    const holdings = new Map<number, { author: number; timeMs: number; counter: number } & KeyHolding>();
    gossip.eachEvent(({ topic, key, kind, author, copiedBy, timeMs, counter, value }) => {
      if (topic !== KEY_TOPIC || kind !== "set" || !(value instanceof Uint8Array)) return;
      const holding = key === HOLDS ? readHolding(value) : undefined;
      const statement = key === HOLDS ? undefined : readStatement(value);
      if (statement !== undefined) statements.set(hexOf(value), statement);
      // A copy is the word of another one.
      if (holding === undefined || copiedBy !== undefined) return;
      const before = holdings.get(author);
      const isLater = before === undefined || timeMs > before.timeMs
        || (timeMs === before.timeMs && counter > before.counter);
      if (isLater) holdings.set(author, { author, timeMs, counter, ...holding });
    });
    return {
      id: gossip.id,
      owner: hexOf(owner),
      network,
      held: ring.names,
      sealing: ring.sealing.name,
      statements: [...statements].filter(([, statement]) => isOfOwner(statement, owner, network)).map(([hex]) => hex),
      holdings: [...holdings.values()].map(({ author, name, step }) => ({ author, name, step })),
      ignored: { ...changes.ignored },
    };
  }

  /** Publishes what the owner stated. @param all of it, with the owner's signatures, as hexadecimal texts */
  publish(all: unknown): void {
    const { owner, network } = this.node;
    const isList = Array.isArray(all);
    const statements = (isList ? all as unknown[] : []).map((hex) => {
      const isHex = typeof hex === "string" && /^([0-9a-f]{2})*$/.test(hex);
      return isHex ? readStatement(new Uint8Array(Buffer.from(hex, "hex"))) : undefined;
    });
    const good = statements.filter((one) => one !== undefined);
    if (good.length === 0 || good.length !== statements.length) {
      throw invalid("rekey", "statements", "is no list of statements as hexadecimal text", isList);
    }
    if (!good.every((one) => isOfOwner(one, owner, network))) {
      throw failure("ERR_ARGUMENT", "rekey: statements: one is not of this network's owner");
    }
    for (const statement of good) {
      this.gossip.set(KEY_TOPIC, statement.kind === "device" ? String(statement.id) : statement.kind, statement.bytes);
      if (statement.kind === "end") this.withdraw(statement.name);
    }
  }

  /** Takes back what this node published of keys that are ended. */
  private withdraw(ended: string): void {
    const keys = new Map<string, Uint8Array>();
    this.gossip.eachEvent(({ topic, key, kind, author, copiedBy, value }) => {
      const isOwn = author === this.gossip.id && copiedBy === undefined && topic === KEY_TOPIC && kind === "set";
      if (isOwn && key !== undefined && value instanceof Uint8Array) keys.set(key, value);
    });
    for (const [key, value] of keys) {
      const statement = readStatement(value);
      if (key !== HOLDS && statement !== undefined && statement.name < ended) this.gossip.withdraw(KEY_TOPIC, key);
    }
  }
}
