import type { Api } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { Flights, type Flight } from "./flights.js";
import { nodeTitle, plural } from "./format.js";
import type { PageParts } from "./page-parts.js";
import { RECORDING_BYTES_MAX, type SimulationState, recordingText, requestsOf } from "./simulation-state.js";
import type { NetworkAnswer, Store } from "./store.js";
import { outcomeOf, valueOf } from "./write.js";
import { pressShortcut } from "./shortcuts.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50];
const LOSS_STEP = 5;

/** What drives a simulation: play, step, faults, the chosen node, and recordings. */
export class SimulationPanel {
  readonly element: HTMLElement;
  private readonly api: Api;
  private readonly store: Store;
  private state: SimulationState | undefined;
  private readonly outcome = element("p", { role: "status", class: "outcome" });
  private readonly figures = element("p", { class: "muted", id: "simulation-figures" });
  private readonly play = button("Play", () => this.act({ action: this.state?.isPlaying ? "pause" : "play" }), "p");
  private readonly speed = element("select", { id: "simulation-speed" }, ...SPEEDS.map((speed) =>
    element("option", { value: String(speed) }, `${plural(speed, "round")} a second`)));
  private readonly loss = element("input", {
    id: "simulation-loss", type: "range", min: "0", max: "90", step: String(LOSS_STEP),
  });
  private readonly lossText = element("output", { for: "simulation-loss" });
  private readonly seed = element("input", { id: "simulation-seed", inputmode: "numeric", size: "11" });
  private readonly command = element("code", { id: "simulation-command", tabindex: "0" });
  private readonly nodeTools = element("fieldset", { id: "simulation-node", class: "tools-row" });
  private readonly nodeName = element("legend", {}, "No node is chosen");
  private readonly other = element("select", { id: "simulation-other" });
  private readonly value = element("input", { id: "simulation-value", autocomplete: "off", size: "10" });
  private readonly file = element("input", { id: "simulation-file", type: "file", accept: ".jsonl,.json,.txt" });

  constructor({ store, api, connection, graph }: PageParts) {
    this.store = store;
    this.api = api;
    this.element = this.made();
    const flights = new Flights(graph);
    connection.listen((event, data) => {
      if (event === "datagrams") flights.add((data as { list: Flight[] }).list);
      else if (event === "simulation") this.show(data as SimulationState);
    });
    graph.onDrop = (node, x, y) => void this.act({ action: "move", node, x, y });
    store.subscribe((parts) => {
      if (parts.has("selection") || parts.has("nodes") || parts.has("links")) this.showNode();
    });
    this.showNode();
    void api.get<SimulationState>("/v1/simulation").then((state) => this.show(state)).catch(() => undefined);
  }

  private made(): HTMLElement {
    this.speed.addEventListener("change", () =>
      void this.act({ action: "speed", roundsPerSecond: Number(this.speed.value) }));
    this.loss.addEventListener("input", () => setText(this.lossText, `${this.loss.value} %`));
    this.loss.addEventListener("change", () =>
      void this.act({ action: "loss", lossProbability: Number(this.loss.value) / 100 }));
    this.file.addEventListener("change", () => void this.open());
    const begin = element("form", { "aria-label": "New simulation", class: "tools-row" },
      element("label", {}, "Seed ", this.seed), element("button", { type: "submit" }, "Begin anew"));
    begin.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.begin();
    });
    const panel = element("section", { id: "simulation", "aria-labelledby": "simulation-title" },
      element("div", { class: "head" }, element("h2", { id: "simulation-title" }, "Simulation"), this.figures),
      element("div", { class: "tools-row" }, this.play,
        button("Step a round", () => this.act({ action: "step", by: "round" }), "s"),
        button("Step a datagram", () => this.act({ action: "step", by: "datagram" }), "d"),
        element("label", {}, "Speed ", this.speed), element("label", {}, "Loss ", this.loss, " ", this.lossText),
        button("Heal all cuts", () => this.act({ action: "heal" }))),
      this.madeNodeTools(),
      element("div", { class: "tools-row" }, begin, button("Save recording", () => this.save()),
        element("label", { class: "file" }, "Open recording ", this.file)),
      element("div", { class: "command" }, element("span", { class: "muted" }, "To run this again:"), this.command,
        button("Copy", () => this.copy())),
      this.outcome);
    panel.addEventListener("keydown", (event) => pressShortcut(this.element, event));
    return panel;
  }

  private madeNodeTools(): HTMLElement {
    const at = (action: string, more: object = {}) => (): Promise<void> =>
      this.act({ action, node: this.store.selected, ...more });
    const link = (action: string) => (): Promise<void> =>
      this.act({ action, from: this.store.selected, to: Number(this.other.value) });
    this.nodeTools.append(this.nodeName,
      button("Crash", at("crash")), button("Restart", at("restart")),
      button("Restart wiped", at("restart", { keepStorage: false })), button("Leave", at("leave")),
      button("Cut off", at("cut")), button("Heal", at("heal")), button("New address", at("move")),
      element("label", {}, "Link to ", this.other), button("Cut link", link("cut")), button("Heal link", link("heal")),
      element("label", {}, "Value ", this.value),
      button("Push", () => this.act({ action: "push", node: this.store.selected, value: valueOf(this.value.value) })),
      button("Log", () => this.act({
        action: "log", node: this.store.selected, topic: "note", value: valueOf(this.value.value),
      })));
    return this.nodeTools;
  }

  private async act(body: object): Promise<void> {
    const request = this.api.post("/v1/simulation", body);
    await this.tell(request.then((state) => this.show(state as SimulationState)));
    // Rows come by themselves, links do not.
    await this.api.get<NetworkAnswer>("/v1/network").then((answer) => this.store.setNetwork(answer), () => undefined);
  }

  private async tell(request: Promise<unknown>): Promise<void> {
    const { isDone, text } = await outcomeOf(request);
    this.say(isDone ? "" : text, !isDone);
  }

  private say(text: string, isProblem = false): void {
    setText(this.outcome, text);
    this.outcome.classList.toggle("problem", isProblem);
  }

  private show(state: SimulationState): void {
    this.state = state;
    const { isPlaying, round, nowMs, datagrams, lost, cut, pendingCount, inputCount, failure } = state;
    setText(this.play, isPlaying ? "Pause" : "Play");
    const inputs = `${inputCount} inputs${pendingCount > 0 ? `, ${pendingCount} to come` : ""}`;
    const rest = this.store.roundMs > 0 ? ` and ${Math.round(nowMs % this.store.roundMs / 1000)} s` : "";
    const traffic = `${datagrams} datagrams, ${lost} lost, ${cut} cut off`;
    setText(this.figures, `${isPlaying ? "Playing" : "Paused"}: round ${round}${rest}, ${traffic}, ${inputs}`);
    this.speed.value = String(state.roundsPerSecond);
    if (document.activeElement !== this.loss) {
      this.loss.value = String(Math.round(state.lossProbability * 100));
      setText(this.lossText, `${this.loss.value} %`);
    }
    if (document.activeElement !== this.seed) this.seed.value = String(state.seed);
    setText(this.command, state.command);
    if (failure !== undefined) this.say(`The simulation stopped: ${failure}`, true);
  }

  private showNode(): void {
    const node = this.store.nodes.get(this.store.selected ?? -1);
    this.nodeTools.disabled = node === undefined;
    setText(this.nodeName, node === undefined ? "No node is chosen: choose one in the graph or in the table"
      : `${nodeTitle(node)}: ${node.isRunning ? "runs" : "is off"}`);
    const ids = this.neighboursOf(node?.id);
    const { options } = this.other;
    if (options.length === ids.length && ids.every((id, at) => options[at].value === String(id))) return;
    const chosen = this.other.value;
    this.other.replaceChildren(...ids.map((id) => {
      const title = nodeTitle(this.store.nodes.get(id) ?? { id });
      return element("option", { value: String(id), selected: String(id) === chosen }, title);
    }));
  }

  /** Those with a link to a node; all others where links are too many to be shown. */
  private neighboursOf(id: number | undefined): number[] {
    const linked = this.store.links.flatMap(({ from, to }) => from === id ? [to] : to === id ? [from] : []);
    return linked.length > 0 ? linked : [...this.store.nodes.keys()].filter((other) => other !== id);
  }

  private async begin(): Promise<void> {
    const seed = Number(this.seed.value);
    await this.act({ action: "new", options: { ...this.state?.options, seed } });
  }

  private async save(): Promise<void> {
    try {
      const state = await this.api.get<SimulationState & { inputs: object[] }>("/v1/simulation");
      const blob = new Blob([recordingText(state, state.inputs)], { type: "application/jsonl" });
      const link = element("a", { href: URL.createObjectURL(blob), download: `chisme-${state.seed}.jsonl` });
      link.click();
      URL.revokeObjectURL(link.href);
      this.say(`Saved ${state.inputs.length} inputs.`);
    } catch (error) {
      this.say((error as Error).message, true);
    }
  }

  private async open(): Promise<void> {
    const [file] = this.file.files ?? [];
    if (file === undefined) return;
    try {
      if (file.size > RECORDING_BYTES_MAX) throw new Error(`The file has more than ${RECORDING_BYTES_MAX} bytes.`);
      for (const request of requestsOf(await file.text())) {
        this.show(await this.api.post("/v1/simulation", request) as SimulationState);
      }
      this.say(`Opened ${file.name}: play it.`);
    } catch (error) {
      this.say((error as Error).message, true);
    }
    // The same file may be chosen again.
    this.file.value = "";
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.command.textContent ?? "");
      this.say("Copied.");
    } catch {
      getSelection()?.selectAllChildren(this.command);
      this.say("Selected: copy it with the keyboard.");
    }
  }
}

function button(text: string, run: () => Promise<void>, key?: string): HTMLButtonElement {
  const title = key === undefined ? undefined : `Key ${key}, while the focus is in this part`;
  const made = element("button", { type: "button", "aria-keyshortcuts": key, title }, text);
  made.addEventListener("click", () => void run());
  return made;
}

export function makeSimulationPanel(parts: PageParts): HTMLElement {
  byId("main").classList.add("simulated");
  return new SimulationPanel(parts).element;
}
