import { closeSync, openSync } from "node:fs";
import pc from "picocolors";
import { auto, espgossip } from "../../src/espgossip/index.js";
import { type EventFeedOptions, eventFeeds } from "../../src/events/index.js";
import { KEEPER_BYTES, feedKeeper } from "../../src/keeper/index.js";
import {
  type CborValue, type EventFeeds, type MinMax, type NodeRow, minMax,
} from "../../src/gossip.js";
import { FileStorage, Gossip, MemoryStorage, type NodeGossipOptions } from "../platform/node.js";
import { type NodeKeyOptions, type NodeKeys, openNodeKeys } from "../platform/node-keys.js";
import type { GossipStorage } from "../../src/platform/types.js";
import { latestMap } from "../../src/views/latest-map.js";
import { ChangeFeed } from "../control/changes.js";
import { Contributions } from "../control/contributions.js";
import { HeardLinks, MemberTimes } from "../control/members.js";
import { DatagramTap } from "../control/datagram-tap.js";
import { NodeActions } from "../control/node-actions.js";
import { NodeQueries } from "../control/node-queries.js";
import { CommandLines, Prompt, commandErrorText, readScript } from "./command-lines.js";
import { messages } from "../../src/messages/index.js";
import { networkTime } from "../../src/time/index.js";
import { MessageCommands } from "./message-commands.js";
import { Commands, exportEvents } from "./commands.js";
import { NodeRekeying } from "../control/node-rekeying.js";
import { NodeSigning } from "../control/node-signing.js";
import { NodeAccess, type NodeAccessOptions } from "./node-access.js";
import { keysByHand } from "./key-file.js";
import { JsonReport } from "./json-report.js";
import type { CommandError, MinMaxReport, NodeReport } from "./node-report.js";
import { HeldLines } from "./held-lines.js";
import { type Listen, parseListen } from "./listen.js";
import { TextReport } from "./text-report.js";

/** The options of the command line. A number may be any text: the check of `Gossip`'s options refuses it. */
export interface NodeOptions extends NodeAccessOptions, NodeKeyOptions {
  dialect: "compact" | "espgossip" | "auto";
  listen?: string;
  interface?: string;
  serial?: string[];
  serialBytes?: number;
  seed?: string[];
  advertise?: string;
  network?: string;
  trustedSubnets?: string[];
  keyFile?: string;
  otherKeyFile?: string;
  allowUnsealed?: true;
  script?: string;
  export?: string;
  feedBytes?: number;
  eventBytes?: number;
  fillGaps?: true;
  keep?: true;
  value?: number | Record<string, CborValue>;
  field?: string;
  valueBytes?: number;
  interval: number;
  id?: number;
  newId?: true;
  name?: string;
  nodeVersion?: string;
  capacity: number;
  neighbours?: number;
  datagramBytes: number;
  removeAfter: number;
  broadcast: string;
  time: "clock" | "peers" | "none";
  json?: true;
  debug?: true;
}

const SIGNALS: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** How long a node that was stopped waits for a look-up of a host. */
const LOOK_UP_MS = 500;

const SEED_CAPACITY = 16;
const SEED_CAPACITY_MAX = 255;
const VALUE_BYTES_MAX = 255;
/** Default bytes for events in the dialect "compact"; the others have no events. */
const FEED_BYTES = 262144;
/** Messages that wait at one time, and senders that are remembered: the most. */
const MESSAGES = 64;
const MESSAGE_SENDERS = 1024;
/** More than the events that fit into the event buffer. */
const VIEW_CAPACITY = 65535;
/** Bytes that a datagram needs in addition to a value. */
const ROW_BYTES = 81;

/** One node in this process, from its start until it stops. */
export class NodeRun {
  private readonly startMs = performance.now();
  private readonly options: NodeOptions;
  private readonly listen: Listen;
  private readonly output = new HeldLines();
  private readonly report: NodeReport;
  private readonly view: MinMax;
  private readonly latest = latestMap({ capacity: VIEW_CAPACITY });
  private readonly contributions = new Contributions();
  private readonly changes = new ChangeFeed();
  private readonly times = new MemberTimes(() => performance.now());
  private readonly gossip: Gossip;
  private readonly messages: MessageCommands;
  private readonly script: string[];
  private readonly commands: Commands;
  private readonly access: NodeAccess;
  private readonly byHand: ReturnType<typeof keysByHand>;
  private readonly keys: NodeKeys | undefined;
  private minMaxReported: MinMaxReport = { minimum: undefined, maximum: undefined, count: 0 };
  private isSealed = false;
  private prompt: Prompt | undefined;
  private scriptLines: CommandLines | undefined;
  private phase: "starting" | "running" | "ended" = "starting";

  /** @throws Error that names an option of the command line or of `Gossip` */
  constructor(options: NodeOptions) {
    const { value, field } = options;
    if (value !== undefined && typeof value !== "number" && typeof value !== "object") {
      throw new Error(`--value: ${JSON.stringify(value)} is not a number such as 21.5 or a map such as {"temp":21.5}`);
    }
    this.view = minMax(field === undefined ? { select: numberOf } : { field });
    this.options = options;
    this.listen = parseListen(options.listen);
    this.report = options.json ? this.jsonReport() : this.textReport();
    this.messages = new MessageCommands(this.report, options.interval, () => this.elapsedMs());
    this.script = naming("--script", () => options.script === undefined ? [] : readScript(options.script));
    this.byHand = keysByHand(options);
    const info = (line: string): void => void process.stderr.write(`${line}\n`);
    const keys = this.keys = openNodeKeys(options, this.byHand, { info, warn: (line) => this.warn(line) });
    this.gossip = new Gossip(this.gossipOptions());
    // Fail now if the file is not writable, not at the end of the run.
    naming("--export", () => options.export !== undefined && closeSync(openSync(options.export, "a")));
    const { gossip, latest, contributions, times, changes, view } = this;
    const queries = new NodeQueries({ gossip, latest, contributions, times });
    const actions = new NodeActions({
      gossip, share: (value) => this.share(value), leave: this.stop,
      ...options.dialect !== "compact" && { noMessages: `dialect ${options.dialect} has no messages` },
    });
    this.commands = new Commands({ gossip, queries, actions, messages: this.messages, report: this.report });
    const signing = keys && new NodeSigning(gossip, keys.publicKey, keys.admissions);
    const rekeying = keys?.network && new NodeRekeying(gossip, keys.network);
    const node = { queries, actions, changes, signing, rekeying };
    this.access = new NodeAccess(node, view, options, (message) => this.warn(message));
  }

  start(): void {
    if (this.options.value !== undefined) this.gossip.push(this.options.value);
    this.keys?.network?.starting(this.gossip);
    try {
      this.gossip.start();
      this.keys?.store(this.gossip.id);
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      this.giveUp(failure.syscall === "bind" ? this.bindMessage(failure) : `--storage: ${failure.message}`);
      return;
    }
    this.started();
  }

  private started(): void {
    this.phase = "running";
    for (const signal of SIGNALS) process.on(signal, this.stop);
    // The reader of a pipe has exited, as in `chisme node | head`.
    process.stdout.on("error", this.stop);
    const { id, name, address, port, revision } = this.ownRow();
    this.report.start({
      id, name, address, port, revision, roundIntervalMs: this.options.interval, seeds: this.options.seed ?? [],
      broadcasts: canBroadcast(this.options.broadcast, address),
      sealing: !this.isSealed ? "none" : this.options.dialect === "auto" ? "compact" : "all",
    });
    this.reportOwnRow();
    const warn = (message: string): void => this.warn(message);
    const onError = (error: CommandError): void => {
      this.report.commandError(error);
      warn(commandErrorText(error));
    };
    this.prompt = new Prompt(process.stdin, this.commands, onError, warn);
    this.scriptLines = new CommandLines(this.commands, this.options.script ?? "", onError);
    for (const line of this.script) this.scriptLines.add(line);
    this.keys?.network?.start();
    void this.access.open(address, port).then(() => this.output.release());
  }

  private share(value: CborValue): void {
    this.gossip.push(value);
    this.reportOwnRow();
  }

  private readonly stop = (): void => {
    if (this.phase !== "running") return;
    this.output.release();
    this.end();
    this.export();
    // After the "^C" that the terminal shows.
    if (process.stdout.isTTY && !this.options.json) this.output.write("");
    this.report.stop(this.gossip.stats());
  };

  /** Releases all that keeps the process alive. A second signal ends the process at once. */
  private end(): void {
    this.phase = "ended";
    for (const signal of SIGNALS) process.removeListener(signal, this.stop);
    // A look-up of a host may still take many seconds, and cannot be ended.
    void this.gossip.close().then(() => setTimeout(() => process.exit(), LOOK_UP_MS).unref());
    this.prompt?.close();
    this.scriptLines?.close();
    this.access.close();
    this.keys?.network?.close();
  }

  private export(): void {
    const path = this.options.export;
    if (path === undefined) return;
    try {
      exportEvents(this.gossip, path);
    } catch (error) {
      process.exitCode = 1;
      this.warn(`--export: ${(error as Error).message}`);
    }
  }

  private giveUp(message: string): void {
    this.end();
    process.exitCode = 1;
    process.stderr.write(`error: ${message}\n`);
  }

  private bindMessage(error: NodeJS.ErrnoException): string {
    const { address = this.options.interface ?? "all interfaces", port } = this.listen;
    switch (error.code) {
      case "EADDRINUSE": return `--listen: port ${port} of ${address} is in use by another program`;
      case "EACCES": return `--listen: port ${port} of ${address} is only open to privileged programs`;
      default: return `--listen: ${error.message}`;
    }
  }

  private changed(): void {
    const { minimum, maximum, count } = this.view;
    const reported = this.minMaxReported;
    if (minimum === reported.minimum && maximum === reported.maximum && count === reported.count) return;
    this.minMaxReported = { minimum, maximum, count };
    const { field } = this.options;
    this.report.minMax(field === undefined ? this.minMaxReported : { ...this.minMaxReported, field });
  }

  private reportOwnRow(): void {
    const own = this.ownRow();
    this.report.rows([own]);
    this.rowsUpdated([own]);
    this.changed();
  }

  private rowsUpdated(rows: NodeRow[]): void {
    for (const row of rows) {
      this.times.updated(row);
      this.changes.notify("row", row);
    }
  }

  private ownRow(): NodeRow {
    const own = this.gossip.row(this.gossip.id);
    if (own === undefined) throw new Error("a node holds its own row");
    return own;
  }

  private gossipOptions(): NodeGossipOptions {
    const { dialect, seed = [], interval, id, newId, name, capacity } = this.options;
    const { datagramBytes, removeAfter, broadcast } = this.options;
    const events = this.events();
    const options: NodeGossipOptions = {
      ...this.listen.address !== undefined && { listen: this.listen.address },
      ...this.listen.isNone && { udp: false },
      ...this.options.serial !== undefined && { serial: this.options.serial },
      ...this.options.serialBytes !== undefined && { serialBytesMax: this.options.serialBytes },
      ...this.options.interface !== undefined && { interface: this.options.interface },
      storage: this.watchedStorage(),
      port: this.listen.port,
      seedList: seed,
      seedCapacity: Math.min(Math.max(seed.length, SEED_CAPACITY), SEED_CAPACITY_MAX),
      roundIntervalMs: interval,
      capacity,
      datagramBytesMax: datagramBytes,
      removeAfterMs: removeAfter,
      broadcastAddress: broadcast,
      views: [this.view],
      tap: new DatagramTap(this.changes, () => this.gossip.stats().drops),
      links: new HeardLinks((from) => this.times.heard(from)),
      ...events !== undefined && { events },
      ...dialect === "compact" && {
        messages: messages({
          queue: MESSAGES, senders: MESSAGE_SENDERS,
          onMessage: (message) => this.messages.arrived(this.gossip, message),
        }),
      },
      ...dialect !== "espgossip" && this.options.time !== "none"
        && { time: networkTime({ clock: this.options.time === "clock" }) },
      onUpdate: (rows) => {
        this.report.rows(rows);
        this.rowsUpdated(rows);
        queueMicrotask(() => this.changed());
      },
      onState: (row) => {
        this.report.state(row);
        this.times.changed(row);
        this.changes.notify("row", row);
        queueMicrotask(() => this.changed());
      },
      onForget: (row) => {
        this.report.forgotten(row);
        this.times.forget(row.id);
        this.changes.notify("forgotten", row);
      },
      onError: (code, error) => this.report.error(code, error),
    };
    if (id !== undefined) options.id = id;
    if (newId) options.newId = true;
    if (name !== undefined) options.name = name;
    if (this.options.nodeVersion !== undefined) options.version = this.options.nodeVersion;
    if (this.options.neighbours !== undefined) options.neighboursMax = this.options.neighbours;
    if (this.options.network !== undefined) options.network = this.options.network;
    if (this.options.trustedSubnets !== undefined) options.trustedSubnets = this.options.trustedSubnets;
    if (this.options.advertise !== undefined) options.advertise = this.options.advertise;
    this.addKeys(options);
    if (dialect !== "compact") {
      // A number alone ends NodeMCU's own example script in an error.
      options.dialect = dialect === "auto" ? auto({ wrapPlain: true }) : espgossip({ wrapPlain: true });
      // NodeMCU boards share arbitrary tables as values.
      const octetBytes = options.network === undefined ? 0 : 1;
      options.valueBytesMax = Math.min(VALUE_BYTES_MAX, datagramBytes - ROW_BYTES - octetBytes);
    }
    if (this.options.valueBytes !== undefined) options.valueBytesMax = this.options.valueBytes;
    if (this.options.debug) options.debugOutput = (message) => this.debug(message);
    return options;
  }

  private events(): EventFeeds | undefined {
    const { feedBytes, eventBytes, fillGaps, keep, storage, dialect } = this.options;
    if (keep && storage === undefined) throw new Error("--keep: needs a folder, --storage");
    const bytes = feedBytes ?? (dialect !== "compact" ? 0 : keep ? KEEPER_BYTES : FEED_BYTES);
    if (bytes === 0) {
      if (keep) throw new Error("--keep: needs room for events, --feed-bytes");
      if (fillGaps) throw new Error("--fill-gaps: needs room for events, --feed-bytes");
      if (eventBytes !== undefined) throw new Error("--event-bytes: needs room for events, --feed-bytes");
      if (this.keys !== undefined) throw new Error("--signed: needs room for events, --feed-bytes");
      return undefined;
    }
    const options: EventFeedOptions = {
      bytes,
      views: [this.latest, this.contributions],
      onEvent: (event) => {
        // Events of the storage are not new.
        if (this.phase !== "running") return;
        this.report.feedEvent(event);
        this.changes.notify("event", event);
      },
    };
    if (this.keys !== undefined) options.signing = this.keys.feeds;
    if (this.keys?.admissions !== undefined) options.views?.push(this.keys.admissions);
    if (this.keys?.network !== undefined) options.views?.push(this.keys.network.changes);
    if (eventBytes !== undefined) options.eventBytesMax = eventBytes;
    if (fillGaps) options.fillGaps = true;
    return keep ? feedKeeper(options) : eventFeeds(options);
  }

  private addKeys(options: NodeGossipOptions): void {
    const { byHand: { key, otherKey }, options: { allowUnsealed } } = this;
    const ring = this.keys?.network?.ring;
    if (key !== undefined) options.key = key;
    if (otherKey !== undefined) options.otherKey = otherKey;
    if (ring !== undefined) Object.assign(options, { key: ring.sealing.key, sealing: () => ring });
    if (allowUnsealed) options.allowUnsealed = true;
    this.isSealed = options.key !== undefined;
  }

  /** Reports the node's row whenever its revision is written: peers may hold a higher one than its storage. */
  private watchedStorage(): GossipStorage {
    const storage = openStorage(this.options.storage);
    return {
      ...storage.log !== undefined && { log: storage.log },
      ...storage.feeds !== undefined && { feeds: storage.feeds },
      ...storage.signedFeeds !== undefined && { signedFeeds: storage.signedFeeds },
      ...storage.readId !== undefined && { readId: () => storage.readId?.() },
      ...storage.writeId !== undefined && { writeId: (id) => storage.writeId?.(id) },
      ...storage.readPeers !== undefined && { readPeers: () => storage.readPeers?.() },
      ...storage.writePeers !== undefined && { writePeers: (bytes, length) => storage.writePeers?.(bytes, length) },
      readRevision: () => storage.readRevision(),
      writeRevision: (revision) => {
        storage.writeRevision(revision);
        if (this.phase === "running") this.reportOwnRow();
      },
      close: () => storage.close?.(),
    };
  }

  private textReport(): TextReport {
    const { stdin, stdout } = process;
    return new TextReport({
      elapsedMs: () => this.elapsedMs(),
      writeLine: this.output.write,
      writeWarning: (line) => this.warn(line),
      colors: pc.createColors(Boolean(pc.isColorSupported && stdout.isTTY)),
      hint: stdin.isTTY
        ? 'type a number to share it, "help" for commands, Ctrl-C to stop'
        : "a line of standard input with a number shares it, Ctrl-C stops the node",
    });
  }

  private jsonReport(): JsonReport {
    return new JsonReport(() => this.elapsedMs(), this.output.write);
  }

  private elapsedMs(): number {
    return Math.round(performance.now() - this.startMs);
  }

  private warn(message: string): void {
    const colors = pc.createColors(Boolean(pc.isColorSupported && process.stderr.isTTY));
    process.stderr.write(`${colors.yellow(`warning: ${message}`)}\n`);
  }

  private debug(message: string): void {
    const colors = pc.createColors(Boolean(pc.isColorSupported && process.stderr.isTTY));
    process.stderr.write(`${colors.dim(`${this.elapsedMs()} ms: ${message}`)}\n`);
  }
}

function openStorage(folder: string | undefined): GossipStorage {
  if (folder === undefined) return new MemoryStorage();
  return naming("--storage", () => new FileStorage(folder));
}

/** The number that a node shares, alone or as boards get it: as `value` in a table. */
function numberOf(data: CborValue): CborValue {
  const isTable = typeof data === "object" && data !== null && !Array.isArray(data) && !(data instanceof Uint8Array);
  return isTable ? data.value : data;
}

/** Whether broadcasts leave the node. From a loopback address they reach loopback addresses only. */
function canBroadcast(broadcast: string, address: string): boolean {
  return broadcast !== "none" && (!address.startsWith("127.") || broadcast.startsWith("127."));
}

/** Puts the option's name in front of an error's message. */
function naming<Result>(flag: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`, { cause: error });
  }
}
