import type { Api } from "./api.js";
import { byId, element, setText, throttled } from "./dom.js";
import { durationText, isMap, nodeTitle, numberText, scalarText } from "./format.js";
import { Plot } from "./plot.js";
import { STATES, setStateIcon, stateIcon } from "./states.js";
import type { Part, ShownNode, Store } from "./store.js";
import { outcomeOf } from "./write.js";

const DRAW_MS = 250;
const PLOTS_MAX = 8;

/** One node: its row, its value over time, its feed, what it dropped. */
export class Details {
  private readonly store: Store;
  private readonly api: Api;
  private readonly icon = stateIcon("up");
  private readonly title = element("h2", { id: "details-title", tabindex: "-1" }, "Details");
  private readonly hint = element("p", { class: "muted" }, "Choose a node in the graph or in the table.");
  private readonly facts = element("dl", { class: "facts" });
  private readonly plots = element("div", { class: "value-plots" });
  private readonly filter = element("button", { type: "button" }, "Its events");
  private readonly forget = element("button", { type: "button", class: "danger" }, "Forget");
  private readonly outcome = element("p", { role: "status", class: "outcome" });
  private readonly tools = element("div", { class: "tools" }, this.filter, this.forget);
  private readonly plotOf = new Map<string, Plot>();
  private plotted: number | undefined;

  /** @param onFilter shows only the events of one author */
  constructor(store: Store, api: Api, onFilter: (author: string) => void) {
    this.store = store;
    this.api = api;
    byId("details").append(element("div", { class: "head" }, this.icon, this.title), this.hint, this.facts, this.plots,
      this.tools, this.outcome);
    this.filter.addEventListener("click", () => {
      const node = this.node();
      if (node !== undefined) onFilter(nodeTitle(node));
    });
    this.forget.addEventListener("click", () => void this.forgetNode());
    const show = throttled(() => this.show(), DRAW_MS);
    store.subscribe((parts) => this.changed(parts, show));
    this.show();
  }

  private changed(parts: ReadonlySet<Part>, later: () => void): void {
    if (parts.has("theme")) for (const plot of this.plotOf.values()) plot.restyle();
    if (parts.has("selection")) {
      setText(this.outcome, "");
      this.show();
    } else if (parts.has("nodes") || parts.has("clock") || parts.has("feeds")) {
      later();
    }
  }

  private node(): ShownNode | undefined {
    return this.store.nodes.get(this.store.selected ?? -1);
  }

  private show(): void {
    const node = this.node();
    this.hint.hidden = node !== undefined;
    this.icon.classList.toggle("hidden", node === undefined);
    this.tools.hidden = node === undefined;
    if (node === undefined) {
      setText(this.title, "Details");
      this.showFacts([]);
      this.plots.replaceChildren();
      this.plotOf.clear();
      this.plotted = undefined;
      return;
    }
    setText(this.title, nodeTitle(node));
    setStateIcon(this.icon, node.shown);
    this.forget.hidden = !this.store.canWrite || (node.shown !== "down" && node.shown !== "left");
    this.showFacts(this.factsOf(node));
    this.showPlots(node);
  }

  private factsOf(node: ShownNode): [string, string][] {
    const nowMs = performance.now();
    const facts: [string, string][] = [
      ["State", `${STATES[node.shown].label} for ${durationText(nowMs - node.sinceMs)}`],
      ["Id", String(node.id)],
      ["Address", `${node.address}:${node.port}`],
      ["Revision", `${node.revision}, heartbeat ${node.heartbeat}`],
    ];
    if (node.version !== undefined) facts.push(["Version", node.version]);
    if (node.isRunning !== undefined) facts.push(["Runs", node.isRunning ? "yes" : "no"]);
    if (node.heardMs !== undefined) facts.push(["Heard", `${durationText(nowMs - node.heardMs)} ago`]);
    if (!node.isSelf && this.store.self !== undefined) facts.push(["Way", this.wayOf(node)]);
    if (node.roundTripMs !== undefined) facts.push(["Trip", `${node.roundTripMs.toFixed(1)} ms`]);
    if (node.lossTo !== undefined) facts.push(["Loss there", `${(node.lossTo * 100).toFixed(1)} %`]);
    if (node.lossFrom !== undefined) facts.push(["Loss back", `${(node.lossFrom * 100).toFixed(1)} %`]);
    if (isMap(node.data)) for (const [name, value] of Object.entries(node.data)) facts.push([name, scalarText(value)]);
    else facts.push(["Value", node.valueText]);
    const { authors, newest, holders } = this.store.feeds;
    const at = authors.indexOf(node.id);
    if (at >= 0) {
      const full = holders.filter(({ held }) => held[at] === newest[at]).length;
      facts.push(["Its feed", holders.length === 1 ? `held up to event ${newest[at]}`
        : `event ${newest[at]}, ${full} of ${holders.length} hold all of it`]);
    }
    if (node.drops !== undefined) {
      const reasons = Object.entries(node.dropReasons ?? {}).map(([reason, count]) => `${count} ${reason}`).join(", ");
      facts.push(["Drops", reasons === "" ? String(node.drops) : reasons]);
    }
    return facts;
  }

  private wayOf(node: ShownNode): string {
    if (node.isNeighbour) return "direct";
    const via = node.via === undefined ? undefined : this.store.nodes.get(node.via);
    return node.via === undefined ? "none is known" : `over ${via === undefined ? `node ${node.via}` : nodeTitle(via)}`;
  }

  /** Rows of the list are used again, so that a selection of text in them stays. */
  private showFacts(facts: [string, string][]): void {
    const { children } = this.facts;
    while (children.length > facts.length) this.facts.lastElementChild?.remove();
    while (children.length < facts.length) this.facts.append(element("div", {}, element("dt"), element("dd")));
    facts.forEach(([name, text], index) => {
      const [term, detail] = children[index].children;
      setText(term, name);
      setText(detail, text);
    });
  }

  private showPlots(node: ShownNode): void {
    if (this.plotted !== node.id) {
      this.plotted = node.id;
      this.plots.replaceChildren();
      this.plotOf.clear();
    }
    const history = this.store.histories.get(node.id);
    for (const [field, { times, values }] of [...history?.series ?? []].slice(0, PLOTS_MAX)) {
      let plot = this.plotOf.get(field);
      if (plot === undefined) {
        const title = field === "" ? "Value over time" : `${field} over time`;
        plot = new Plot({ title, isTime: true, height: 110, lines: [{ label: field, colour: "line-1" }] });
        this.plotOf.set(field, plot);
        this.plots.append(plot.element);
      }
      // The value holds until now.
      const nowS = Math.max(Date.now() / 1000, times[times.length - 1]);
      const last = values[values.length - 1];
      const least = values.reduce((one, other) => Math.min(one, other));
      const greatest = values.reduce((one, other) => Math.max(one, other));
      plot.show([[...times, nowS], [...values, last]],
        `Since this page was opened: ${numberText(least)} to ${numberText(greatest)}.`);
    }
  }

  private async forgetNode(): Promise<void> {
    const node = this.node();
    if (node === undefined || !confirm(`Forget ${nodeTitle(node)}? All nodes drop its row.`)) return;
    const { text } = await outcomeOf(this.api.post("/v1/actions", { action: "forget", node: node.id }));
    setText(this.outcome, text);
  }
}
