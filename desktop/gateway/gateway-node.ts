import { resolve } from "node:path";
import { type FeedEvent, type NodeRow, minMax } from "../../src/gossip.js";
import { KEEPER_BYTES, feedKeeper } from "../../src/keeper/index.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { messages } from "../../src/messages/index.js";
import { DEFAULT_PORT } from "../../src/platform/udp.js";
import { parseKey } from "../../src/sealing/key.js";
import { networkTime } from "../../src/time/index.js";
import type { FeedView } from "../../src/views/feed-event.js";
import { latestMap } from "../../src/views/latest-map.js";
import { ChangeFeed } from "../control/changes.js";
import { Contributions } from "../control/contributions.js";
import { ControlSocket } from "../control/control-socket.js";
import { HeardLinks, MemberTimes } from "../control/members.js";
import type { ControlledNode } from "../control/methods.js";
import { NodeActions } from "../control/node-actions.js";
import { NodeQueries } from "../control/node-queries.js";
import { NodeRekeying } from "../control/node-rekeying.js";
import { NodeSigning } from "../control/node-signing.js";
import type { KeysByHand } from "../platform/network-keys.js";
import { type NodeKeys, openNodeKeys } from "../platform/node-keys.js";
import { FileStorage, Gossip, MemoryStorage, type NodeGossipOptions } from "../platform/node.js";
import type { LoadedConfig, NodeSection } from "./config.js";
import type { PartLog } from "./gateway-log.js";
import { type SecretPlace, readSecret } from "./secrets.js";

const SEED_CAPACITY = 16;
const SEED_CAPACITY_MAX = 255;
/** Interval between rounds by default. */
export const ROUND_MS = 10000;
/** More nodes than a board holds: a gateway carries out what all of them share. */
const CAPACITY = 1024;
const MESSAGES = 64;
const MESSAGE_SENDERS = 1024;
/** More than the events that fit into the event buffer. */
const VIEW_CAPACITY = 65535;

export interface GatewayNodeOptions {
  loaded: LoadedConfig;
  secrets: SecretPlace;
  log: PartLog;
  /** Called with all events: also late ones, those of the storage, and ends; with some of them again and again. */
  onEvent: (event: FeedEvent) => void;
  onRow: (row: NodeRow, isForgotten: boolean) => void;
  /** A command asked the node to leave. */
  leave: () => void;
  /** It only checks its options: it touches no folder. */
  isCheck: boolean;
}

/** The gateway's own node, which keeps the feeds of all others. */
export class GatewayNode implements ControlledNode {
  readonly gossip: Gossip;
  readonly queries: NodeQueries;
  readonly actions: NodeActions;
  readonly changes = new ChangeFeed();
  readonly signing: NodeSigning | undefined;
  readonly rekeying: NodeRekeying | undefined;
  readonly storage: string;
  /** Of the numbers that nodes share. */
  readonly minMax = minMax();
  readonly roundMs: number;
  private readonly socket: ControlSocket;
  private readonly keys: NodeKeys | undefined;
  private readonly options: GatewayNodeOptions;
  private isRunning = false;

  /** @throws Error that names the option */
  constructor(options: GatewayNodeOptions) {
    const { loaded: { config, folder }, log, leave } = options;
    const { node = {} } = config;
    this.options = options;
    this.roundMs = node.interval ?? ROUND_MS;
    this.storage = resolve(folder, config.storage);
    const latest = latestMap({ capacity: VIEW_CAPACITY });
    const contributions = new Contributions();
    const times = new MemberTimes(() => performance.now());
    const keys = this.keys = openKeys(options, this.storage, this.roundMs);
    this.gossip = inSection("node", () => new Gossip({
      ...this.gossipOptions(node, times, keys),
      events: feedKeeper({
        bytes: node.feedBytes ?? KEEPER_BYTES,
        ...node.eventBytes !== undefined && { eventBytesMax: node.eventBytes },
        fillGaps: true,
        ...keys !== undefined && { signing: keys.feeds },
        views: [
          new EventTap(options.onEvent), latest, contributions,
          ...keys?.admissions === undefined ? [] : [keys.admissions],
          ...keys?.network === undefined ? [] : [keys.network.changes],
        ],
        onEvent: (event) => {
          if (this.isRunning) this.changes.notify("event", event);
        },
      }),
    }));
    const { gossip } = this;
    this.signing = keys && new NodeSigning(gossip, keys.publicKey, keys.admissions);
    this.rekeying = keys?.network && new NodeRekeying(gossip, keys.network);
    this.queries = new NodeQueries({ gossip, latest, contributions, times });
    this.actions = new NodeActions({ gossip, share: (value) => {
      gossip.push(value);
      this.ownRowChanged();
    }, leave });
    const socket = node.socket === undefined || node.socket === "none" ? node.socket : resolve(folder, node.socket);
    this.socket = new ControlSocket(this, { storage: this.storage, ...socket !== undefined && { socket } },
      (message) => log.warn(message.replace("--socket", "node.socket")));
  }

  /**
   * Resolves when commands can ask the node.
   *
   * @throws (rejects) Error of the storage or the socket, such as EADDRINUSE
   */
  async start(): Promise<void> {
    this.keys?.network?.starting(this.gossip);
    this.gossip.start();
    this.keys?.store(this.gossip.id);
    this.keys?.network?.start();
    this.isRunning = true;
    this.ownRowChanged();
    const { address, port } = this.ownRow();
    await this.socket.open(address, port);
  }

  /** Says goodbye. Resolves when the system has all datagrams. */
  async close(): Promise<void> {
    this.isRunning = false;
    this.socket.close();
    this.keys?.network?.close();
    await this.gossip.close();
  }

  ownRow(): NodeRow {
    return this.gossip.row(this.gossip.id) as NodeRow;
  }

  private ownRowChanged(): void {
    this.rowChanged(this.ownRow());
  }

  private rowChanged(row: NodeRow): void {
    this.changes.notify("row", row);
    this.options.onRow(row, false);
  }

  private gossipOptions(node: NodeSection, times: MemberTimes, keys: NodeKeys | undefined): NodeGossipOptions {
    const { secrets, log, isCheck } = this.options;
    const { seed = [] } = node;
    const { address, port, isNone } = parseListen(node.listen);
    const ring = keys?.network?.ring;
    const byHand = keysByHand(secrets, node);
    return {
      storage: isCheck ? new MemoryStorage(new MemoryLog(), new MemoryLog()) : new FileStorage(this.storage),
      port, seedList: seed,
      ...address !== undefined && { listen: address },
      ...isNone && { udp: false },
      seedCapacity: Math.min(Math.max(seed.length, SEED_CAPACITY), SEED_CAPACITY_MAX),
      roundIntervalMs: this.roundMs,
      views: [this.minMax],
      capacity: node.capacity ?? CAPACITY,
      links: new HeardLinks((from) => times.heard(from)),
      messages: messages({ queue: MESSAGES, senders: MESSAGE_SENDERS }),
      ...node.time !== "none" && { time: networkTime({ clock: node.time !== "peers" }) },
      ...given({
        interface: node.interface, serial: node.serial, serialBytesMax: node.serialBytes, advertise: node.advertise,
        network: node.network, trustedSubnets: node.trustedSubnets, broadcastAddress: node.broadcast, ...byHand,
        removeAfterMs: node.removeAfter, id: node.id, name: node.name, version: node.version,
        neighboursMax: node.neighbours, datagramBytesMax: node.datagramBytes, valueBytesMax: node.valueBytes,
      }),
      ...ring !== undefined && { key: ring.sealing.key, sealing: () => ring },
      onUpdate: (rows) => {
        for (const row of rows) {
          times.updated(row);
          this.rowChanged(row);
        }
      },
      onState: (row) => {
        times.changed(row);
        this.rowChanged(row);
      },
      onForget: (row) => {
        times.forget(row.id);
        this.changes.notify("forgotten", row);
        this.options.onRow(row, true);
      },
      onError: (code, error) => log.warn(`${code}: ${error.message}`),
    };
  }
}

/** Passes on what views get: they get all events. */
class EventTap implements FeedView {
  readonly endMs = Infinity;
  readonly apply: (event: FeedEvent) => void;

  constructor(apply: (event: FeedEvent) => void) {
    this.apply = apply;
  }

  bind(): void {
    // It needs no clock.
  }

  forget(): boolean {
    return false;
  }

  clear(): void {
    // What was passed on stays.
  }

  settle(): boolean {
    return false;
  }
}

/** Those that are there. */
function given<Options extends object>(options: Options): { [Name in keyof Options]?: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof given<Options>>;
}

function readKey(secrets: SecretPlace, node: NodeSection, name: "key" | "otherKey"): Uint8Array | undefined {
  const text = readSecret(secrets, "node", node, name);
  if (text === undefined) return undefined;
  try {
    return parseKey(name, text);
  } catch {
    throw new Error(`node.${name}: is not a key: 64 hex digits, as \`chisme key\` prints them`);
  }
}

function keysByHand(secrets: SecretPlace, node: NodeSection): KeysByHand {
  return { key: readKey(secrets, node, "key"), otherKey: readKey(secrets, node, "otherKey") };
}

/** As of `chisme node`, whose flags have the names of the fields. @throws Error that names the field */
function openKeys(
  { loaded: { config: { node = {} }, folder }, secrets, log }: GatewayNodeOptions, storage: string, interval: number,
): NodeKeys | undefined {
  const { signed, owner, network, id } = node;
  const isKey = owner !== undefined && /^[0-9a-f]{64}$/i.test(owner);
  const place = owner === undefined || isKey ? owner : resolve(folder, owner);
  try {
    const options = {
      storage, interval, ...signed && { signed }, ...place !== undefined && { owner: place },
      ...network !== undefined && { network }, ...id !== undefined && { id },
    };
    return openNodeKeys(options, keysByHand(secrets, node), log);
  } catch (error) {
    const message = (error as Error).message.replace(/^--(signed|owner): /, "node.$1: ")
      .replace(/without --signed$/, "without node.signed: true");
    throw new Error(message, { cause: error });
  }
}

/** Splits "127.0.0.2:5001"; either part may be missing. `Gossip` checks both. */
function parseListen(text = ""): { address: string | undefined; port: number; isNone: boolean } {
  const [address, port = String(DEFAULT_PORT)] = text.split(":");
  const isNone = address === "none";
  const isAll = isNone || address === "" || address === "0.0.0.0";
  return { address: isAll ? undefined : address, port: Number(port), isNone };
}

function inSection<Result>(section: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const { message } = error as Error;
    throw new Error(message.startsWith(`${section}.`) ? message : `${section}: ${message}`, { cause: error });
  }
}
