import type { Api } from "./api.js";
import { element, setText } from "./dom.js";
import { Flights, type Flight } from "./flights.js";
import type { PageParts } from "./page-parts.js";
import { outcomeOf } from "./write.js";
import { pressShortcut } from "./shortcuts.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 50, 100];

interface RecordedEntry {
  number: number;
  atMs: number;
  kind: string;
  text: string;
  isDropped?: boolean;
}

interface RecordingState {
  isPlaying: boolean;
  speed: number;
  /** Entries so far, and all. */
  position: number;
  count: number;
  atMs: number;
  endMs: number;
  /** ms since 1970. */
  beganMs: number;
  isSealed: boolean;
  /** The last ones, the oldest first. */
  entries: RecordedEntry[];
  failure?: string;
}

/** What plays a recording: a time line, steps, and the last entries. */
export class RecordingPanel {
  readonly element: HTMLElement;
  private readonly api: Api;
  private state: RecordingState | undefined;
  private readonly outcome = element("p", { role: "status", class: "outcome" });
  private readonly figures = element("p", { class: "muted", id: "recording-figures" });
  private readonly play = button("Play", () => this.act({ action: this.state?.isPlaying ? "pause" : "play" }), "p");
  private readonly time = element("input", { id: "recording-time", type: "range", min: "0", step: "any" });
  private readonly speed = element("select", { id: "recording-speed" }, ...SPEEDS.map((speed) =>
    element("option", { value: String(speed) }, `${speed} ×`)));
  private readonly entries = element("ol", { class: "entry-list" });
  private isJumping = false;
  private wantedMs: number | undefined;

  constructor({ api, connection, graph }: PageParts) {
    this.api = api;
    this.element = this.made();
    const flights = new Flights(graph);
    connection.listen((event, data) => {
      if (event === "datagrams") flights.add((data as { list: Flight[] }).list);
      else if (event === "recording") this.show(data as RecordingState);
    });
    void api.get<RecordingState>("/v1/recording").then((state) => this.show(state)).catch(() => undefined);
  }

  private made(): HTMLElement {
    this.speed.addEventListener("change", () => void this.act({ action: "speed", speed: Number(this.speed.value) }));
    this.time.addEventListener("input", () => void this.jump(Number(this.time.value)));
    const panel = element("section", { id: "recording", "aria-labelledby": "recording-title" },
      element("div", { class: "head" }, element("h2", { id: "recording-title" }, "Recording"), this.figures),
      element("label", { class: "time-line" }, "Time ", this.time),
      element("div", { class: "tools-row" }, this.play, button("Step back", () => this.act({ action: "back" }), "b"),
        button("Step", () => this.act({ action: "step" }), "s"), element("label", {}, "Speed ", this.speed)),
      this.outcome,
      element("h3", { id: "recording-entries" }, "Last entries, the newest first"),
      element("div", { class: "entries-scroll", tabindex: "0", role: "region", "aria-labelledby": "recording-entries" },
        this.entries));
    panel.addEventListener("keydown", (event) => pressShortcut(this.element, event));
    return panel;
  }

  /** While one jump is under way, only the last of further ones is wanted. */
  private async jump(atMs: number): Promise<void> {
    this.wantedMs = atMs;
    if (this.isJumping) return;
    this.isJumping = true;
    while (this.wantedMs !== undefined) {
      const wanted = this.wantedMs;
      this.wantedMs = undefined;
      await this.act({ action: "jump", atMs: wanted });
    }
    this.isJumping = false;
  }

  private async act(body: object): Promise<void> {
    const request = this.api.post("/v1/recording", body);
    const { isDone, text } = await outcomeOf(request.then((state) => this.show(state as RecordingState)));
    this.say(isDone ? this.state?.failure : text);
  }

  private say(problem: string | undefined): void {
    setText(this.outcome, problem ?? "");
    this.outcome.classList.toggle("problem", problem !== undefined);
  }

  private show(state: RecordingState): void {
    this.state = state;
    const { isPlaying, position, count, atMs, endMs, beganMs, isSealed, failure } = state;
    setText(this.play, isPlaying ? "Pause" : "Play");
    const when = new Date(beganMs + atMs).toLocaleString();
    const time = `${secondsText(atMs)} of ${secondsText(endMs)}`;
    setText(this.figures, `${isPlaying ? "Playing" : "Paused"}: ${time}, entry ${position} of ${count}, ${when}`
      + `${isSealed ? ", sealed" : ""}`);
    this.time.max = String(endMs);
    if (!this.isJumping) this.time.value = String(atMs);
    this.time.setAttribute("aria-valuetext", time);
    this.speed.value = String(state.speed);
    this.entries.replaceChildren(...state.entries.toReversed().map(itemOf));
    if (failure !== undefined) this.say(`The file is damaged after the last entry: ${failure}`);
  }
}

function itemOf({ number, atMs, kind, text, isDropped }: RecordedEntry): HTMLLIElement {
  return element("li", { value: String(number), class: isDropped ? "dropped" : kind },
    element("time", { class: "muted" }, secondsText(atMs)), " ",
    ...isDropped ? [element("span", { class: "mark" }, "Dropped"), " "] : [], element("span", {}, text));
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function button(text: string, run: () => Promise<void>, key: string): HTMLButtonElement {
  const title = `Key ${key}, while the focus is in this part`;
  const made = element("button", { type: "button", "aria-keyshortcuts": key, title }, text);
  made.addEventListener("click", () => void run());
  return made;
}

export function makeRecordingPanel(parts: PageParts): HTMLElement {
  return new RecordingPanel(parts).element;
}
