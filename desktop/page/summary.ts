import { byId, element, setText } from "./dom.js";
import { durationText, nodeTitle, numberText } from "./format.js";
import type { Store } from "./store.js";

/** The head of the page: what is shown, whether it is live, and the figures that people look for first. */
export class Summary {
  private readonly store: Store;
  private readonly terms = new Map<string, HTMLElement>();
  private readonly figures = new Map<string, HTMLElement>();

  constructor(store: Store) {
    this.store = store;
    for (const name of ["Live nodes", "Suspect", "Down", "Minimum", "Maximum", "Events", "Round"]) {
      const [term, figure] = [element("dt", {}, name), element("dd")];
      this.terms.set(name, term);
      this.figures.set(name, figure);
      byId("summary").append(element("div", {}, term, figure));
    }
    store.subscribe(() => this.show());
  }

  private show(): void {
    const { store } = this;
    const self = store.nodes.get(store.self ?? -1);
    const titles = { node: `seen by ${self === undefined ? "…" : nodeTitle(self)}`, simulation: "simulation",
      recording: "recording" };
    setText(byId("title"), titles[store.source]);
    const title = self === undefined ? "chisme" : `${nodeTitle(self)} – chisme`;
    if (document.title !== title) document.title = title;
    const connection = byId("connection");
    setText(connection, store.connectionText);
    connection.dataset.state = store.connection;
    document.body.classList.toggle("stale", store.connection === "gone" || store.connection === "waiting");
    const counts = { live: 0, suspect: 0, down: 0 };
    for (const { shown } of store.nodes.values()) {
      if (shown === "up" || shown === "asleep" || shown === "suspect") counts.live++;
      if (shown === "suspect") counts.suspect++;
      if (shown === "down") counts.down++;
    }
    const { minMax: { minimum, maximum, field }, rounds, roundMs, events } = store;
    const of = field === undefined ? "" : ` of ${field}`;
    setText(this.terms.get("Minimum") as HTMLElement, `Minimum${of}`);
    setText(this.terms.get("Maximum") as HTMLElement, `Maximum${of}`);
    this.set("Live nodes", String(counts.live));
    this.set("Suspect", String(counts.suspect));
    this.set("Down", String(counts.down));
    this.set("Minimum", minimum === undefined ? "–" : numberText(minimum));
    this.set("Maximum", maximum === undefined ? "–" : numberText(maximum));
    this.set("Events", String(events.length));
    setText(this.terms.get("Round") as HTMLElement, roundMs > 0 ? `Round of ${roundText(roundMs)}` : "Round");
    this.set("Round", String(rounds.at(-1)?.round ?? 0));
  }

  private set(name: string, text: string): void {
    setText(this.figures.get(name) as HTMLElement, text);
  }
}

function roundText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : durationText(ms);
}
