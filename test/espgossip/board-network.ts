import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { type CborValue, type Dialect, Gossip } from "../../src/gossip.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import { auto } from "../../src/espgossip/index.js";
import type { GossipSocket } from "../../src/platform/types.js";
import { NodeMcuEngine } from "./nodemcu.js";

export type Kind = "board" | "auto" | "compact";

interface Member { kind: Kind; node: SimNode; address: string; value: CborValue; bootMs: number; errors: string[] }

export interface BoardNetworkOptions {
  seed: number;
  boards: number;
  autos: number;
  compact: number;
  roundMs: number;
  /** What a node shares when it starts, by its index in the order boards, bridges, compact nodes. */
  value?: (index: number) => CborValue;
  lossProbability?: number;
  /** The rounds after which bridges and compact nodes start; 0 by default: all start within one round. */
  joinAfterRounds?: number;
  /** The first three numbers of all addresses; "10.0.0" by default. */
  subnet?: string;
  /** Boards send each datagram from a new port, as the module did before July 2022. */
  isOld?: boolean;
}

const OLD_PORT_MIN = 49152;

/** NodeMCU boards with the limits of their JSON library, bridges and compact nodes. The first board is the seed. */
export class BoardNetwork {
  readonly network: SimNetwork;
  readonly members: Member[] = [];
  readonly boards: NodeMcuEngine[] = [];
  /** Live nodes that were called DOWN by compact nodes and bridges, or in the second place by boards. */
  falseDowns: string[] = [];
  falseDownsOfBoards: string[] = [];
  /** Times that a board or a bridge called a live node SUSPECT. */
  suspicions = 0;
  private readonly options: BoardNetworkOptions;

  constructor(options: BoardNetworkOptions) {
    this.options = options;
    const { seed, boards, autos, compact, lossProbability = 0 } = options;
    const faults = { lossProbability, delayMs: { min: 1, max: 50 } };
    this.network = new SimNetwork({ seed, faults, datagramBytesMax: 1472 });
    for (let i = 0; i < boards; i++) this.add("board");
    for (let i = 0; i < autos; i++) this.add("auto");
    for (let i = 0; i < compact; i++) this.add("compact");
  }

  of(kind: Kind): Member[] { return this.members.filter((member) => member.kind === kind); }

  runRounds(rounds: number): void { this.network.runFor(rounds * this.options.roundMs); }

  /** Datagrams that boards could not send. */
  mute(): number { return this.boards.reduce((sum, { mute }) => sum + mute, 0); }

  longestBytes(): number { return Math.max(...this.boards.map(({ longestBytes }) => longestBytes)); }

  share(member: Member, value: CborValue): void {
    member.value = value;
    member.node.push(value);
  }

  /** The members of a kind that hold the current value of `about`. */
  knowing(kind: Kind, about: Member): number {
    const wanted = JSON.stringify(about.value);
    return this.of(kind).filter(({ node }) => (
      node.gossip?.rows().some(({ address, data }) => address === about.address && JSON.stringify(data) === wanted)
    )).length;
  }

  /** Milliseconds until all members of a kind hold the current value of a node; Infinity after `rounds`. */
  msUntilKnown(kind: Kind, about: Member, rounds: number): number {
    const { roundMs } = this.options;
    for (let ms = 0; ms < rounds * roundMs; ms += roundMs / 5) {
      if (this.knowing(kind, about) === this.of(kind).length) return ms;
      this.network.runFor(roundMs / 5);
    }
    return Infinity;
  }

  /** The nodes of a kind of which the boards hold a row. */
  told(kind: Kind): Member[] {
    const rows = this.of("board")[0].node.gossip?.rows() ?? [];
    return this.of(kind).filter(({ address }) => rows.some((row) => row.address === address));
  }

  private add(kind: Kind): void {
    const { roundMs, joinAfterRounds = 0, value, isOld } = this.options;
    const index = this.members.length;
    const dialect: { dialect?: Dialect } = kind === "board" ? { dialect: (options) => this.board(options) }
      : kind === "auto" ? { dialect: auto() } : {};
    const node: SimNode = this.network.addNode({
      address: this.addressOf(index),
      options: { seedList: this.seedsOf(kind), roundIntervalMs: roundMs, capacity: 64, ...dialect },
      startAfterMs: index * 777 % roundMs + (kind === "board" ? 0 : joinAfterRounds * roundMs),
      clockStartMs: 1000000 + index * 1000,
      start: (platform, storage) => {
        const member = this.members[index];
        member.bootMs = this.network.nowMs;
        const socket = kind === "board" && isOld ? this.oldSocket(node, platform.socket) : platform.socket;
        const gossip = new Gossip({
          ...platform, socket, storage,
          onState: ({ state, address }) => {
            if (state === "suspect") this.suspicions++;
            if (state === "down") this.calledDown(member, address);
          },
          onError: (_code, { message }) => member.errors.push(message),
        });
        if (member.value !== undefined) gossip.push(member.value);
        gossip.start();
        return gossip;
      },
    });
    const address = formatAddress(node.address);
    this.members.push({ kind, node, address, value: value?.(index), bootMs: 0, errors: [] });
  }

  /** Boards have the first board as seed, compact nodes the first bridge, and bridges both. */
  private seedsOf(kind: Kind): string[] {
    const board = this.addressOf(0);
    const bridge = this.addressOf(this.options.boards);
    return kind === "board" ? [board] : kind === "auto" ? [board, bridge] : [bridge];
  }

  private addressOf(index: number): string {
    return `${this.options.subnet ?? "10.0.0"}.${index + 1}`;
  }

  private oldSocket(node: SimNode, socket: GossipSocket): GossipSocket {
    let sent = 0;
    return {
      bind: (port, onDatagram, onError) => socket.bind(port, onDatagram, onError),
      send: (bytes, length, address, port) => {
        const to = this.network.nodes.find((other) => other.isRunning && other.address === address);
        if (to?.port !== port) return;
        this.network.inject(to, bytes.slice(0, length), node.address, OLD_PORT_MIN + sent++ % 16000, 10);
      },
      ownAddress: () => socket.ownAddress(),
      deviceId: (port) => socket.deviceId(port),
      close: () => socket.close(),
    };
  }

  private board(options: ConstructorParameters<typeof NodeMcuEngine>[0]): NodeMcuEngine {
    const engine = new NodeMcuEngine(options);
    this.boards.push(engine);
    return engine;
  }

  private calledDown(by: Member, address: string): void {
    const about = this.members.find((member) => member.address === address);
    if (about?.node.isRunning !== true) return;
    const list = by.kind === "board" ? this.falseDownsOfBoards : this.falseDowns;
    list.push(`${by.kind} -> ${about.kind}`);
  }
}
