import type { FeedEvent, NodeRow } from "../../src/gossip.js";
import { ChangeFeed } from "../control/changes.js";
import type { Member } from "../control/members.js";
import type { NetworkFeeds, NetworkResource, NetworkView, WatchedNetwork } from "../control/network-view.js";
import { ControlError, INVALID_PARAMS } from "../control/protocol.js";
import type { RecordedState } from "./recorded-state.js";
import type { RecordingFile } from "./recording-file.js";

const TICK_MS = 100;
/** Entries of one tick: so 2,000 a second at most, each of which the page gets as a change. */
const TICK_ENTRIES_MAX = 200;
/** Entries of which lines are shown. */
const LINES_SHOWN = 50;
const EVENTS_MAX = 10000;
const SPEED_MIN = 0.01;
const SPEED_MAX = 1000;

/** A recorded node that is played: what it knew at a time, and the datagrams that passed. */
export class RecordedNetwork implements WatchedNetwork {
  readonly changes = new ChangeFeed();
  readonly resources: Record<string, NetworkResource> = {
    "/v1/recording": { get: () => this.playState(), post: (body) => this.act(body) },
  };
  private readonly file: RecordingFile;
  private readonly timer: NodeJS.Timeout;
  private state: RecordedState;
  private atMs = 0;
  private isPlaying = false;
  private speed = 1;
  private lastTickMs = 0;

  /** It begins with the first entry, and pauses. */
  constructor(file: RecordingFile) {
    this.file = file;
    this.state = file.stateAfter(0);
    // It keeps the process alive.
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  view(): NetworkView {
    const self = this.file.head.node.id;
    const nodes = this.state.members(this.atMs);
    return {
      source: "recording", self, roundMs: this.file.stepMs, nowMs: Math.round(this.atMs), nodes,
      links: nodes.flatMap(({ id, isNeighbour }) =>
        isNeighbour && id !== self ? [{ from: self, to: id, kind: "neighbour" as const }] : []),
      feeds: this.feeds(), minMax: this.state.minMax(), rounds: this.state.endedRounds(),
    };
  }

  members(): Member[] {
    return this.state.members(this.atMs).map(({ isNeighbour: _, ...member }) => member);
  }

  events(): FeedEvent[] {
    const { eventCount } = this.state;
    return this.file.events.slice(Math.max(0, eventCount - EVENTS_MAX), eventCount);
  }

  /** @throws ControlError */
  act({ action, ...params }: Record<string, unknown>): object {
    const takes = ACTIONS.get(action as string);
    if (takes === undefined) throw wrong("action", action, `none of ${[...ACTIONS.keys()].join(", ")}`);
    const extra = Object.keys(params).find((name) => name !== takes);
    if (extra !== undefined) throw wrong(extra, params[extra], `not for ${String(action)}`);
    switch (action) {
      case "play":
        this.isPlaying = this.state.position < this.file.count;
        this.lastTickMs = performance.now();
        break;
      case "speed":
        this.speed = numberOf(params, "speed", SPEED_MIN, SPEED_MAX);
        break;
      case "jump": {
        const atMs = numberOf(params, "atMs", 0, this.file.endMs);
        this.jump(this.file.countUntil(atMs), atMs);
        break;
      }
      default:
        this.isPlaying = false;
        if (action === "step") this.step();
        else if (action === "back") this.stepBack();
    }
    this.notifyState();
    return this.playState();
  }

  private playState(): object {
    const { file, state: { position } } = this;
    const { head: { node, beganMs, isSealed }, count, endMs, failure } = file;
    const { name, address, port, id } = node;
    const first = Math.max(0, position - LINES_SHOWN);
    const entries = Array.from({ length: position - first }, (_, at) => {
      const entry = file.entry(first + at);
      const { atMs, kind } = entry;
      const isDropped = kind === "datagram" && entry.drop !== undefined;
      return { number: first + at + 1, atMs, kind, text: file.text.text(entry), ...isDropped && { isDropped } };
    });
    return {
      isPlaying: this.isPlaying, speed: this.speed, position, count, atMs: this.atMs, endMs, beganMs, isSealed,
      node: { id, ...name !== undefined && { name }, address, port }, entries, ...failure !== undefined && { failure },
    };
  }

  private step(): void {
    if (this.state.position === this.file.count) return;
    this.atMs = this.file.timeOf(this.state.position);
    this.applyNext();
  }

  private stepBack(): void {
    const before = this.state.position - 1;
    if (before < 0) return;
    this.jump(before, before === 0 ? 0 : this.file.timeOf(before - 1));
  }

  private jump(count: number, atMs: number): void {
    this.state = this.file.stateAfter(count);
    this.atMs = atMs;
    this.lastTickMs = performance.now();
    this.changes.notify("reset", {});
  }

  private tick(): void {
    if (!this.isPlaying) return;
    const nowMs = performance.now();
    const targetMs = Math.min(this.file.endMs, this.atMs + (nowMs - this.lastTickMs) * this.speed);
    this.lastTickMs = nowMs;
    const end = this.file.countUntil(targetMs);
    const count = Math.min(end, this.state.position + TICK_ENTRIES_MAX);
    while (this.state.position < count) this.applyNext();
    this.atMs = count < end ? this.file.timeOf(count - 1) : targetMs;
    if (this.state.position === this.file.count) this.isPlaying = false;
    this.notifyState();
  }

  private applyNext(): void {
    const entry = this.file.entry(this.state.position);
    const { round, peer, type } = this.state.apply(entry);
    if (round !== undefined) this.changes.notify("round", round);
    switch (entry.kind) {
      case "row":
      case "forgotten":
        this.changes.notify(entry.kind, entry.row as unknown as NodeRow);
        break;
      case "event":
        this.changes.notify("event", entry.event as unknown as FeedEvent);
        break;
      case "datagram": {
        if (peer === undefined) break;
        const self = this.file.head.node.id;
        const [from, to] = entry.direction === "in" ? [peer, self] : [self, peer];
        const { atMs, drop } = entry;
        const bytes = Buffer.byteLength(entry.bytes, "base64");
        const flight = { from, to, sentMs: atMs, arrivalMs: drop === undefined ? atMs : null, bytes, kind: type };
        this.changes.notify("datagrams", { list: [flight] });
        break;
      }
      default:
    }
  }

  private notifyState(): void {
    this.changes.notify("recording", this.playState());
  }

  /** How much of each feed has arrived. */
  private feeds(): NetworkFeeds {
    const newest = new Map<number, FeedEvent>();
    for (const event of this.events()) {
      const known = newest.get(event.author);
      const isOlder = known !== undefined && (known.generation > event.generation
        || (known.generation === event.generation && known.sequence > event.sequence));
      if (!isOlder) newest.set(event.author, event);
    }
    const authors = [...newest.keys()].sort((one, other) => one - other);
    const held = authors.map((author) => newest.get(author)?.sequence ?? 0);
    return { authors, newest: held, holders: [{ id: this.file.head.node.id, held }] };
  }
}

/** Actions, with the parameter that each takes. */
const ACTIONS = new Map([
  ["play", ""], ["pause", ""], ["step", ""], ["back", ""], ["jump", "atMs"], ["speed", "speed"],
]);

function numberOf(params: Record<string, unknown>, name: string, least: number, most: number): number {
  const value = params[name];
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw wrong(name, value, `no number from ${least} to ${most}`);
}

function wrong(name: string, value: unknown, problem: string): ControlError {
  const given = value === undefined ? "nothing" : JSON.stringify(value);
  return new ControlError(INVALID_PARAMS, `${name}: ${given.slice(0, 80)} is ${problem}`);
}
