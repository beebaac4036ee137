import type { NodeEngine } from "./engine/node-engine.js";
import { OWN_SLOT } from "./engine/table/rows.js";
import { LINE_ADDRESSES } from "./engine/table/media.js";
import { formatAddress } from "./engine/wire/address.js";
import { type GossipErrorCode, failure } from "./errors.js";
import type { CheckedOptions } from "./options.js";
import type { GossipSocket } from "./platform/types.js";

/** Rounds from one look-up of all names to the next. */
const ROUNDS = 64;
/** The same while no other node is live. */
const ROUNDS_ALONE = 8;

/** A host name among the seeds. */
interface SeedName {
  /** Which of the seeds it is, from 0 on. */
  place: number;
  name: string;
  port: number;
}

/** The node whose seeds have names. */
export interface NamingNode {
  isOpen(): boolean;
  fail(code: GossipErrorCode, error: Error): void;
}

/** Adds all seeds to an engine. Returns undefined if none of them has a name. */
export function addSeeds(engine: NodeEngine, options: CheckedOptions, node: NamingNode): SeedNames | undefined {
  const names: SeedName[] = [];
  const seeds = options.seeds;
  for (let i = 0; i < seeds.length; i += 2) {
    const port = seeds[i + 1];
    if (seeds[i] === 0) names.push({ place: engine.seeds.count, name: options.seedNames[names.length], port });
    engine.addSeed(seeds[i], port);
  }
  const lines = options.media === undefined ? 0 : options.media.lines;
  for (let line = 1; line <= lines; line++) engine.addSeed(LINE_ADDRESSES + line, options.port);
  return names.length === 0 ? undefined : new SeedNames(names, engine, node, options.roundIntervalMs);
}

/**
 * Looks up the host names among the seeds: at the start, every 64 rounds, and every
 * 8 rounds while no other node is live. One after the other, so that one look-up
 * runs at a time. The address replaces the one before; a name that does not
 * resolve keeps its address.
 */
export class SeedNames {
  private readonly names: SeedName[];
  private readonly engine: NodeEngine;
  private readonly node: NamingNode;
  private readonly roundIntervalMs: number;
  /** When the last look-ups began. */
  private beganMs = 0;
  /** Counts the times that look-ups began: an answer that is later than the next beginning is ignored. */
  private turn = 0;
  /** For each name, whether it was reported that it does not resolve, or not to an address that is trusted. */
  private readonly isMissing: boolean[] = [];

  constructor(names: SeedName[], engine: NodeEngine, node: NamingNode, roundIntervalMs: number) {
    this.names = names;
    this.engine = engine;
    this.node = node;
    this.roundIntervalMs = roundIntervalMs;
    for (let i = 0; i < names.length; i++) this.isMissing.push(false);
  }

  /** The name of a seed; undefined when it has none. */
  nameOf(place: number): string | undefined {
    for (let i = 0; i < this.names.length; i++) if (this.names[i].place === place) return this.names[i].name;
    return undefined;
  }

  /** Begins the look-ups if they are due. Answers come later, and may call the application back. */
  tick(nowMs: number, socket: GossipSocket): void {
    const rounds = this.engine.stats.roundsAlone() > 0 ? ROUNDS_ALONE : ROUNDS;
    const isDue = this.turn === 0 || ((nowMs - this.beganMs) >>> 0) >= rounds * this.roundIntervalMs;
    if (!isDue) return;
    this.beganMs = nowMs;
    this.turn++;
    this.lookUp(0, this.turn, socket);
  }

  private lookUp(index: number, turn: number, socket: GossipSocket): void {
    if (index >= this.names.length || socket.resolve === undefined) return;
    socket.resolve(this.names[index].name, (address) => {
      if (turn !== this.turn || !this.node.isOpen()) return;
      try {
        this.found(index, address);
      } finally {
        if (this.node.isOpen()) this.lookUp(index + 1, turn, socket);
      }
    });
  }

  private found(index: number, address: number): void {
    const seed = this.names[index];
    const rows = this.engine.rows;
    const isOwn = address === rows.address(OWN_SLOT) && seed.port === rows.port(OWN_SLOT);
    const isTrusted = rows.trusts(address);
    // A node's own name may be in a list that all nodes have: it is no seed there.
    if (address !== 0) this.engine.setSeed(seed.place, isOwn || !isTrusted ? 0 : address);
    const isMissing = address === 0 || !isTrusted;
    if (isMissing === this.isMissing[index]) return;
    this.isMissing[index] = isMissing;
    const problem = address === 0 ? "is no host that is found"
      : isTrusted ? "is found again" : `is at ${formatAddress(address)}, which is in none of the trustedSubnets`;
    this.node.fail("seed", failure("seed", `the seed ${seed.name} ${problem}`));
  }
}
