import type { CborValue, FeedEvent, FrontierEntry, GossipStats, NodeRow } from "../../src/gossip.js";
import { invalid } from "../../src/errors.js";
import type { GossipStatus } from "../../src/status/index.js";
import type { LatestEntry, LatestMap } from "../../src/views/latest-map.js";
import type { Gossip } from "../platform/gossip.js";
import type { Contributions } from "./contributions.js";
import type { Member, MemberTimes } from "./members.js";

/** Events that one answer has, at most, and without another word. */
export const EVENTS_MAX = 10000;
export const EVENTS_DEFAULT = 1000;

/** What one author has set in a merge topic. */
export interface ContributionEntry {
  topic: string;
  key: string;
  author: number;
  authorName: string | undefined;
  value: CborValue;
}

/** How far a feed is held, with the name of its author, if a row has one. */
export interface NamedFrontierEntry extends FrontierEntry {
  authorName: string | undefined;
}

export interface NodeQueriesOptions {
  gossip: Gossip;
  latest: LatestMap;
  contributions: Contributions;
  times: MemberTimes;
}

/** Which events a query wants. */
export interface EventsQuery {
  /** undefined: of all topics. */
  topic?: string | undefined;
  /** The newest so many, 1 to 10,000; 1,000 by default. */
  limit?: number | undefined;
}

/**
 * What can be asked of a running node. Its prompt, its control socket and other ways to look at it have it from here.
 * Nothing here changes the node.
 */
export class NodeQueries {
  private readonly options: NodeQueriesOptions;

  constructor(options: NodeQueriesOptions) {
    this.options = options;
  }

  get id(): number {
    return this.options.gossip.id;
  }

  rows(): NodeRow[] {
    return this.options.gossip.rows();
  }

  /** The row of a node by its name, id or address. */
  row(node: number | string): NodeRow | undefined {
    return this.options.gossip.row(node);
  }

  /** All nodes, in the order of their ids. */
  members(): Member[] {
    const { gossip, times } = this.options;
    const links = new Map(gossip.status().neighbours.map((neighbour) => [neighbour.id, neighbour]));
    const rows = gossip.rows();
    times.keepOnly(rows);
    return rows.map((row) => {
      const { inStateMs, lastHeardMs } = times.of(row);
      const { roundTripMs, lossTo, lossFrom } = links.get(row.id) ?? {};
      const isSelf = row.id === gossip.id;
      return {
        ...row, isSelf, inStateMs,
        ...!isSelf && { lastHeardMs },
        ...roundTripMs !== undefined && { roundTripMs },
        ...lossTo !== undefined && { lossTo },
        ...lossFrom !== undefined && { lossFrom },
      };
    });
  }

  status(): GossipStatus {
    return this.options.gossip.status();
  }

  stats(): GossipStats {
    return this.options.gossip.stats();
  }

  /** The latest value of a topic and key; undefined if there is none. Topics with "+" in front have `contributions`. */
  get(topic: string, key: string): CborValue {
    return this.options.latest.get(topic, key);
  }

  /** The latest value of each topic and key. */
  latest(): LatestEntry[] {
    return this.options.latest.entries();
  }

  /** What the authors have set in merge topics. @param topic with "+" in front; undefined: all */
  contributions(topic?: string, key?: string): ContributionEntry[] {
    const { contributions, gossip } = this.options;
    return contributions.entries()
      .filter((entry) => (topic === undefined || entry.topic === topic) && (key === undefined || entry.key === key))
      .map(({ author, value, ...of }) =>
        ({ topic: of.topic, key: of.key, author, authorName: gossip.row(author)?.name, value }));
  }

  /**
   * The newest events that the node holds, the oldest first.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT that names what is wrong
   */
  events({ topic, limit = EVENTS_DEFAULT }: EventsQuery = {}): FeedEvent[] {
    if (topic !== undefined && typeof topic !== "string") {
      throw invalid("events", "topic", `${JSON.stringify(topic)} is not text`, false);
    }
    if (!Number.isInteger(limit) || limit < 1 || limit > EVENTS_MAX) {
      const isNumber = typeof limit === "number";
      throw invalid("events", "limit", `${JSON.stringify(limit)} is not an integer from 1 to ${EVENTS_MAX}`, isNumber);
    }
    const events = this.options.gossip.events();
    const wanted = topic === undefined ? events : events.filter((event) => event.topic === topic);
    return wanted.sort(compareStamps).slice(-limit);
  }

  frontier(): NamedFrontierEntry[] {
    const { gossip } = this.options;
    return gossip.frontier().map(({ author, ...more }) =>
      ({ author, authorName: gossip.row(author)?.name, ...more }));
  }
}

/** By the time of their authors, which is the order in which values replace each other. */
function compareStamps(one: FeedEvent, other: FeedEvent): number {
  return one.timeMs - other.timeMs || one.counter - other.counter || one.author - other.author;
}
