import { byId, element, throttled } from "./dom.js";
import { Plot } from "./plot.js";
import type { Store } from "./store.js";

const DRAW_MS = 500;

/** Datagrams and bytes a round, suspicions and drops. */
export class Traffic {
  private readonly store: Store;
  private readonly datagrams = new Plot({
    title: "Datagrams a round", isTime: false, fromZero: true,
    lines: [{ label: "sent", colour: "line-1" }, { label: "received", colour: "line-2", dash: [6, 4] }],
  });
  private readonly bytes = new Plot({
    title: "Bytes a round", isTime: false, fromZero: true,
    lines: [{ label: "sent", colour: "line-1" }, { label: "received", colour: "line-2", dash: [6, 4] }],
  });
  private readonly troubles = new Plot({
    title: "Suspicions and drops a round", isTime: false, fromZero: true, isBars: true,
    lines: [{ label: "suspicions", colour: "suspect" }, { label: "drops", colour: "down" }],
  });

  constructor(store: Store) {
    this.store = store;
    byId("traffic").append(element("div", { class: "head" }, element("h2", { id: "traffic-title" }, "Traffic")),
      element("div", { class: "plots" }, this.datagrams.element, this.bytes.element, this.troubles.element));
    const show = throttled(() => this.show(), DRAW_MS);
    store.subscribe((parts) => {
      if (parts.has("theme")) for (const plot of [this.datagrams, this.bytes, this.troubles]) plot.restyle();
      if (parts.has("rounds")) show();
    });
  }

  private show(): void {
    const { rounds } = this.store;
    const last = rounds.at(-1);
    const x = rounds.map(({ round }) => round);
    const say = (what: string): string => last === undefined ? "No round has ended yet." : what;
    this.datagrams.show([x, rounds.map((one) => one.datagramsSent), rounds.map((one) => one.datagramsReceived)],
      say(`Round ${last?.round}: ${last?.datagramsSent} sent, ${last?.datagramsReceived} received.`));
    this.bytes.show([x, rounds.map((one) => one.bytesSent), rounds.map((one) => one.bytesReceived)],
      say(`Round ${last?.round}: ${last?.bytesSent} sent, ${last?.bytesReceived} received.`));
    const sum = (of: (round: typeof rounds[number]) => number): number => rounds.reduce((all, one) => all + of(one), 0);
    this.troubles.show([x, rounds.map((one) => one.suspicions), rounds.map((one) => one.drops)],
      say(`In ${rounds.length} rounds: ${sum((one) => one.suspicions)} suspicions, ${sum((one) => one.drops)} drops.`));
  }
}
