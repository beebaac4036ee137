import type { FeedEvent } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import type { ChangeFeed, NetworkRound } from "./changes.js";
import type { Member } from "./members.js";

/** A node of a network that is shown: as a member, and its place among the others. */
export interface NetworkNode extends Member {
  /** Whether the node that was asked reaches it directly; in a simulation: whether any node does. */
  isNeighbour: boolean;
  /** Id of the neighbour over which datagrams go to it. */
  via?: number;
  /** What the node itself has refused, where that is known: datagrams, rows and events in them. */
  drops?: number;
  /** The same by reason, without reasons that have no drops. */
  dropReasons?: Record<string, number>;
  /** In a simulation: whether the node runs, whatever others hold of it. */
  isRunning?: boolean;
  /** In a simulation: how many running nodes hold it as up, as suspect, and as down, left or removed. */
  holders?: { up: number; suspect: number; gone: number };
  /** In a topology with places: where the node is, 0 to 1, from the left and from the top. */
  x?: number;
  y?: number;
}

export interface NetworkLink {
  from: number;
  to: number;
  /** "relay": datagrams go from one to the other, perhaps over further nodes. */
  kind: "neighbour" | "relay";
  /** In a simulation: nothing passes now. */
  isCut?: boolean;
}

/** How much of each feed is held, and by whom. */
export interface NetworkFeeds {
  authors: number[];
  /** Of each author: sequence number of the newest event that any holder has. */
  newest: number[];
  /** `held` has for each author the sequence number of the last event that is held; null: none. */
  holders: { id: number; held: (number | null)[] }[];
}

/** Least and greatest of the numbers that live nodes share; missing while none shares one. */
export interface NetworkMinMax {
  minimum?: number;
  maximum?: number;
  /** How many live nodes share a number. */
  count: number;
  /** Name of the number in maps; missing where nodes share numbers alone. */
  field?: string;
}

/** All that a page needs at its start. All of it is JSON, but for bytes, which become hexadecimal text. */
export interface NetworkView {
  source: "node" | "simulation" | "recording";
  /** Id of the node that was asked; missing where no node was. */
  self?: number;
  /** Time between rounds in ms. */
  roundMs: number;
  /** Time of this view in ms, by the clock of the source: since its start. */
  nowMs: number;
  nodes: NetworkNode[];
  links: NetworkLink[];
  feeds: NetworkFeeds;
  minMax: NetworkMinMax;
  /** The last rounds, at most 512, the oldest first. */
  rounds: NetworkRound[];
}

/** A further path of a network that is shown. Its functions throw ControlError for what is wrong. */
export interface NetworkResource {
  get?: () => object;
  /** @param body the JSON object that was sent */
  post?: (body: Record<string, unknown>) => object | Promise<object>;
}

/**
 * A network that can be shown: what a running node knows, a simulation, or a recording. Changes of kind "reset" say
 * that all is other than before: who shows it asks anew.
 */
export interface WatchedNetwork {
  readonly changes: ChangeFeed;
  view(): NetworkView;
  members(): Member[];
  /** Events that are held at the start, or after a reset, at most 10,000, the oldest first. */
  events(): FeedEvent[];
  /** Of a node: its status, from which its metrics come, too. */
  status?(): GossipStatus;
  /** Further paths, such as "/v1/simulation". Their answers to POST may change the network. */
  readonly resources?: Record<string, NetworkResource>;
}
