import type { CborValue, FeedEvent, NodeRow } from "../../src/gossip.js";
import type { NodeActions } from "../control/node-actions.js";
import type { NodeQueries } from "../control/node-queries.js";
import type { PartLog } from "./gateway-log.js";
import type { SecretPlace } from "./secrets.js";

/*
 * The contract between the gateway and its outputs, such as a broker.
 *
 * Events. The database gives each event a number when it stores it, in the order of arrival, which is the order of each
 * author. (An event that arrives after later ones of its author, because a node was away, has the number of its
 * arrival.) An event has one identity: site, original author, stamp (`timeMs`, `counter`), and whether it is a
 * "withdraw". The database stores each identity once, and only what is stored and synced reaches an output.
 *
 * `takeEvents` gets all events by number (numbers rise, and some are not used), at most `EVENTS_BATCH_MAX` at a time,
 * never two calls at a time.
 * When its promise resolves, the position of the output moves behind the batch, in the database. When it rejects, the
 * same events come again after a pause (1 s, doubled up to 30 s), or at once after `retry`. So each event reaches the
 * output at least once, also after `kill -9`: those whose promise had not resolved, or resolved a moment before, come
 * again. What happens twice has the same identity. A new output begins with the oldest event that the database holds.
 *
 * Nodes. `takeNodes` gets the latest row and value of nodes: of all after the start and after `retry(true)`, then of
 * those that changed. Of a node that changes many times meanwhile only the last state comes. Never two calls at a time;
 * what was rejected comes again, in its latest state.
 *
 * Memory. One batch of events, and an id for each node: an output that takes nothing costs no memory. Retention leaves
 * what an output of the configuration has not taken.
 */

/** Events in one call at most. */
export const EVENTS_BATCH_MAX = 256;

/** An event of this site or of another one. */
export interface GatewayEvent extends Pick<
  FeedEvent, "author" | "generation" | "sequence" | "timeMs" | "counter" | "kind" | "topic" | "key" | "ttlMs"
> {
  /** In the order of arrival here. */
  number: number;
  /** Name of the site; "" is the own one. */
  site: string;
  /** The last name of the author; undefined: it had none. */
  authorName: string | undefined;
  /** undefined where the kind is "remove" or "withdraw". */
  value: CborValue;
  /** When it was stored here, in milliseconds since 1970. */
  storedMs: number;
}

/** What another site says of one of its events. */
export interface ForeignEvent extends Omit<GatewayEvent, "number" | "storedMs" | "authorName"> {
  authorName?: string | undefined;
}

export interface GatewayOutput {
  /** Whose events it takes. */
  readonly sites: "own" | "other" | "all";
  /** Begins to connect; what fails is tried again by the output itself. */
  start(): void;
  /** Resolves when what is downstream has all of them for sure. */
  takeEvents?(events: readonly GatewayEvent[]): Promise<void>;
  /** Resolves when what is downstream has them. `isForgotten`: the network has no such node any more. */
  takeNodes?(nodes: readonly GatewayNodeState[]): Promise<void>;
  /** The number up to which it needs nothing more of `ForeignEvents.logs`: retention leaves the rest. */
  readonly readUntil?: number;
  /** Ends; calls that are open must settle. The gateway waits 2 s at most. */
  close(): Promise<void>;
}

export interface GatewayNodeState {
  row: NodeRow;
  isForgotten: boolean;
}

/** The part of the database for outputs that bring in events of other sites. */
export interface ForeignEvents {
  /**
   * Stores events of another site; those that it has are ignored.
   *
   * @param position where they came from, for `position`; it is stored with them or not at all
   * @returns how many were new, when all are synced
   * @throws (rejects) Error when the database cannot take them now: nothing of them is stored
   */
  add(events: readonly ForeignEvent[], position?: Position): Promise<number>;
  /** The number of a position that was stored last; undefined if there is none. */
  position(name: string): number | undefined;
  /**
   * What counts now of topics at other sites. @param of undefined: of all sites and keys
   */
  values(topics: readonly string[], of?: { site: string; key: string }): SiteValue[];
  /**
   * Log events of topics of other sites behind a number, the oldest first.
   *
   * @returns the events, and the number up to which there are no others
   */
  logs(topics: readonly string[], number: number, limit: number): { events: GatewayEvent[]; number: number };
}

/** How far something got, by a name that begins with that of the section. */
export interface Position {
  name: string;
  number: number;
}

/** What counts at another site for a topic and key, and in a merge topic for an author, too. */
export interface SiteValue {
  site: string;
  topic: string;
  key: string;
  /** 0 where nothing is set in a topic that is no merge topic. */
  author: number;
  /** undefined: nothing is set any more. */
  value: CborValue;
  isSet: boolean;
  /** When it ends, in milliseconds since 1970; undefined: never. */
  endMs: number | undefined;
}

/** What an output gets from the gateway. */
export interface OutputContext {
  /** Name of this site; undefined: it has none. */
  readonly site: string | undefined;
  /** Interval between the rounds of the node, in ms. */
  readonly roundMs: number;
  readonly log: PartLog;
  readonly secrets: SecretPlace;
  /** The storage folder of the gateway, for small files of the output. */
  readonly folder: string;
  /** Looks at the node. */
  readonly queries: NodeQueries;
  /** Publishes in the network: `set`, `log`, `push` and so on. Each throws what `Gossip` throws. */
  readonly actions: NodeActions;
  /** undefined: there is no database, as it was refused. Then `takeEvents` is not called either. */
  readonly foreign: ForeignEvents | undefined;
  /** What is downstream is there (again): what waits comes at once. @param all all nodes come anew, too */
  retry(all?: boolean): void;
  /**
   * What is downstream has lost what it had: all events of the database come again, from the oldest one on, also if the
   * process ends meanwhile.
   *
   * @throws Error of the database
   */
  restart(): void;
}

/**
 * Makes the output of a section.
 *
 * @throws Error that names the option, such as "mqtt.passwordFile: …"; the configuration is then refused
 */
export type OutputMaker = (section: object, context: OutputContext) => GatewayOutput;
