import type { NodeRow } from "../../src/gossip.js";
import type { NetworkRound } from "../control/changes.js";
import { type Api, ApiError } from "./api.js";
import type { ServerSentEvent } from "./sse-parser.js";
import type { NetworkAnswer, ShownEvent, Store } from "./store.js";
import { askToken } from "./token.js";

/** Waits before tries to connect again; the last one stands for all further ones. */
const WAITS_S = [1, 2, 4, 8];
/** After so many tries in vain the node counts as gone. */
const TRIES_UNTIL_GONE = 3;
/** What rows do not say, such as who is near, is asked for so often. */
const REFRESH_MS = 5000;
const EVENTS_ASKED = 1000;

export type MessageListener = (event: string, data: unknown) => void;

/** Keeps the store up to date: all at the start, then changes; again after each break. */
export class Connection {
  private readonly api: Api;
  private readonly store: Store;
  private readonly listeners: MessageListener[] = [];
  private run: string | undefined;
  private tries = 0;

  constructor(api: Api, store: Store) {
    this.api = api;
    this.store = store;
    setInterval(() => void this.refresh(), REFRESH_MS);
  }

  /** Hears all messages of the stream, also those that only some sources have. */
  listen(listener: MessageListener): void {
    this.listeners.push(listener);
  }

  /** Never ends. */
  async start(): Promise<never> {
    for (;;) {
      try {
        await this.api.follow((messages) => this.received(messages));
        await this.wait("The connection ended.");
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) await this.unlock();
        else await this.wait(textOf(error));
      }
    }
  }

  private received(messages: ServerSentEvent[]): void {
    const events: ShownEvent[] = [];
    for (const { event, data } of messages) {
      const content = JSON.parse(data) as unknown;
      if (event === "start") void this.begin();
      else if (event === "row") this.store.setRow(content as NodeRow);
      else if (event === "forgotten") this.store.forget((content as NodeRow).id);
      else if (event === "event") events.push(content as ShownEvent);
      else if (event === "round") this.store.addRound(content as NetworkRound);
      else if (event === "skipped" || event === "reset") void this.begin(event === "reset");
      for (const listener of this.listeners) listener(event, content);
    }
    this.store.addEvents(events);
  }

  /** Asks for all. Changes that came meanwhile are in the answer, too. */
  private async begin(isNew = false): Promise<void> {
    try {
      const [network, { events, run }] = await Promise.all([
        this.api.get<NetworkAnswer>("/v1/network"),
        this.api.get<{ events: ShownEvent[]; run: string }>(`/v1/events?limit=${EVENTS_ASKED}`),
      ]);
      const { selected } = this.store;
      if (isNew || (this.run !== undefined && this.run !== run)) this.store.clear();
      this.run = run;
      this.store.setNetwork(network);
      if (selected !== undefined && this.store.nodes.has(selected)) this.store.select(selected);
      this.store.addEvents(events);
      this.tries = 0;
      this.store.setConnection("live", "Live");
    } catch (error) {
      // The stream breaks, too, and is opened again.
      this.store.setConnection("waiting", textOf(error));
    }
  }

  private async refresh(): Promise<void> {
    if (this.store.connection !== "live" || document.hidden) return;
    try {
      this.store.setNetwork(await this.api.get<NetworkAnswer>("/v1/network"));
    } catch {
      // The stream notices whether the node is gone.
    }
  }

  private async unlock(): Promise<void> {
    this.store.setConnection("locked", "The node needs its token");
    this.api.setToken(await askToken());
    this.store.setConnection("connecting", "Connecting");
  }

  private async wait(reason: string): Promise<void> {
    const seconds = WAITS_S[Math.min(this.tries, WAITS_S.length - 1)];
    this.tries++;
    const isGone = this.tries >= TRIES_UNTIL_GONE;
    for (let left = seconds; left > 0; left--) {
      const again = `Trying again in ${left} s.`;
      if (isGone) this.store.setConnection("gone", `The node is gone, or out of reach. ${again}`);
      else this.store.setConnection("waiting", `${reason} ${again}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** What browsers say of a connection that fails differs, and helps nobody. */
function textOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "No answer.";
}
