import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { type Dialect, Gossip, type MinMax, type NodeRow, minMax } from "../../src/gossip.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import { auto, espgossip } from "../../src/espgossip/index.js";

export const ROUND = 10000;

export type Kind = "board" | "compact" | "auto";

export interface MixedOptions {
  seed: number;
  boards: number;
  compact: number;
  autos: number;
  lossProbability?: number;
  capacity?: number;
  /** 1200 by default. */
  datagramBytesMax?: number;
}

interface Member { kind: Kind; node: SimNode; view: MinMax; value: number; bootMs: number }

/** A network of NodeMCU boards, which the dialect espgossip stands for, compact nodes, and bridges between them. */
export class Mixed {
  readonly network: SimNetwork;
  readonly members: Member[] = [];
  /** Live nodes that were called DOWN: "who -> whom", by kind. */
  readonly falseDowns: string[] = [];

  constructor({ seed, boards, compact, autos, lossProbability = 0, capacity, datagramBytesMax = 1200 }: MixedOptions) {
    const faults = { lossProbability, delayMs: { min: 1, max: 50 } };
    this.network = new SimNetwork({ seed, faults, datagramBytesMax });
    const kinds: Kind[] = [
      ...Array<Kind>(autos).fill("auto"), ...Array<Kind>(boards).fill("board"), ...Array<Kind>(compact).fill("compact"),
    ];
    for (const kind of kinds) this.add(kind, capacity ?? kinds.length + 2);
  }

  of(kind: Kind): Member[] {
    return this.members.filter((member) => member.kind === kind);
  }

  runRounds(rounds: number): void {
    this.network.runFor(rounds * ROUND);
  }

  share(member: Member, value: number): void {
    member.value = value;
    member.node.push(value);
  }

  /** Who does not know the true minimum, maximum and number of values. */
  ignorant(): string[] {
    const values = this.members.map(({ value }) => value);
    const minimum = Math.min(...values);
    const maximum = Math.max(...values);
    return this.members
      .filter(({ view }) => view.minimum !== minimum || view.maximum !== maximum || view.count !== values.length)
      .map(({ kind, node, view }) => `${kind} ${node.name}: ${view.minimum} to ${view.maximum} of ${view.count}`);
  }

  /** Rounds until all know, at most `rounds`. */
  untilKnown(rounds: number): number {
    for (let round = 1; round <= rounds; round++) {
      this.runRounds(1);
      if (this.ignorant().length === 0) return round;
    }
    return Infinity;
  }

  private add(kind: Kind, capacity: number): void {
    const index = this.members.length;
    const dialect: { dialect?: Dialect } =
      kind === "board" ? { dialect: espgossip() } : kind === "auto" ? { dialect: auto() } : {};
    const node = this.network.addNode({
      options: { seedList: ["10.0.0.1"], roundIntervalMs: ROUND, capacity, ...dialect },
      startAfterMs: index * 777 % ROUND,
      clockStartMs: index * 1000,
      start: (platform, storage) => {
        const member = this.members[index];
        member.view = minMax({});
        member.bootMs = this.network.nowMs;
        const gossip = new Gossip({
          ...platform, storage, views: [member.view], onState: (row) => this.stateChanged(member, row),
        });
        gossip.push(member.value);
        gossip.start();
        return gossip;
      },
    });
    this.members.push({ kind, node, view: minMax({}), value: index, bootMs: 0 });
  }

  private stateChanged(by: Member, row: NodeRow): void {
    if (row.state !== "down") return;
    const about = this.members.find(({ node }) => formatAddress(node.address) === row.address);
    const sinceMs = this.network.nowMs - Math.max(about?.bootMs ?? 0, by.bootMs);
    if (about?.node.isRunning === true && sinceMs > 20 * ROUND) this.falseDowns.push(`${by.kind} -> ${about.kind}`);
  }
}
