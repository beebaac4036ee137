import { byId, element, setText, throttled } from "./dom.js";
import { nodeTitle, timeText, valueText } from "./format.js";
import { EVENTS_KEPT, type ShownEvent, type Store } from "./store.js";

const DRAW_MS = 250;
/** Events in the list. */
const SHOWN_MAX = 200;
const SUGGESTIONS_MAX = 50;

/** Events as they come, the newest first, with filters. */
export class Events {
  private readonly store: Store;
  private readonly topic = field("event-topic");
  private readonly author = field("event-author");
  private readonly text = field("event-text", "search");
  private readonly topics = element("datalist", { id: "topics" });
  private readonly authors = element("datalist", { id: "authors" });
  private readonly count = element("span", { class: "muted" });
  private readonly none = element("p", { class: "muted" });
  private readonly list = element("ol", { class: "event-list" });
  private readonly scroller = element("div", { class: "events-scroll", tabindex: "0", role: "region",
    "aria-label": "Events, the newest first" }, this.none, this.list);
  private readonly items = new Map<number, HTMLLIElement>();
  private readonly show: () => void;

  constructor(store: Store) {
    this.store = store;
    this.topic.setAttribute("list", "topics");
    this.author.setAttribute("list", "authors");
    byId("events").append(
      element("div", { class: "head" }, element("h2", { id: "events-title" }, "Events"), this.count),
      element("div", { class: "filters" }, labelled("Topic", this.topic), labelled("Author", this.author),
        labelled("Text", this.text)),
      this.topics, this.authors, this.scroller);
    this.show = throttled(() => this.render(), DRAW_MS);
    for (const input of [this.topic, this.author, this.text]) input.addEventListener("input", () => this.render());
    store.subscribe((parts) => {
      if (parts.has("events")) this.show();
    });
    this.render();
  }

  /** Shows only the events of one author. */
  filterAuthor(author: string): void {
    this.author.value = author;
    this.render();
    this.author.focus();
  }

  private render(): void {
    const { events } = this.store;
    const wanted = this.wanted();
    const found: ShownEvent[] = [];
    let matches = 0;
    for (let at = events.length - 1; at >= 0; at--) {
      if (!wanted(events[at])) continue;
      matches++;
      if (found.length < SHOWN_MAX) found.push(events[at]);
    }
    const kept = events.length === EVENTS_KEPT ? `the newest ${EVENTS_KEPT}` : String(events.length);
    const more = matches > found.length ? `, ${found.length} shown` : "";
    setText(this.count, matches === events.length ? `${kept}${more}` : `${matches} of ${kept}${more}`);
    this.none.hidden = matches > 0;
    setText(this.none, events.length === 0 ? "There are no events yet." : "No event is like that.");
    this.showItems(found);
    this.suggest();
  }

  private wanted(): (event: ShownEvent) => boolean {
    const [topic, author, text] = [this.topic, this.author, this.text].map(({ value }) => value.trim().toLowerCase());
    return (event) => (topic === "" || event.topic.toLowerCase().includes(topic))
      && (author === "" || this.authorOf(event).toLowerCase().includes(author) || String(event.author) === author)
      && (text === "" || textOf(event).toLowerCase().includes(text));
  }

  private showItems(events: ShownEvent[]): void {
    const numbers = new Set(events.map(({ number }) => number));
    for (const [number, item] of this.items) {
      if (numbers.has(number)) continue;
      item.remove();
      this.items.delete(number);
    }
    let before: Element | null = this.list.firstElementChild;
    for (const event of events) {
      let item = this.items.get(event.number);
      if (item === undefined) {
        item = this.itemOf(event);
        this.items.set(event.number, item);
      }
      if (item === before) before = before.nextElementSibling;
      else this.list.insertBefore(item, before);
    }
  }

  private itemOf(event: ShownEvent): HTMLLIElement {
    const sign = event.kind === "remove" ? "removed" : event.kind === "set" ? "=" : "";
    const key = event.key === undefined ? [] : [element("span", { class: "key-name" }, `/${event.key}`)];
    return element("li", {},
      element("time", { class: "muted" }, timeText(event.timeMs)), " ",
      element("span", { class: "author" }, this.authorOf(event)), " ",
      element("span", { class: "topic" }, event.topic, ...key), ` ${sign} `,
      element("span", { class: "event-value" }, event.kind === "remove" ? "" : valueText(event.value)));
  }

  private suggest(): void {
    const topics = new Set<string>();
    const authors = new Set<string>();
    for (let at = this.store.events.length - 1; at >= 0; at--) {
      const event = this.store.events[at];
      if (topics.size < SUGGESTIONS_MAX) topics.add(event.topic);
      if (authors.size < SUGGESTIONS_MAX) authors.add(this.authorOf(event));
    }
    fill(this.topics, topics);
    fill(this.authors, authors);
  }

  private authorOf({ author, authorName }: ShownEvent): string {
    return authorName ?? nodeTitle(this.store.nodes.get(author) ?? { id: author });
  }
}

function textOf(event: ShownEvent): string {
  return `${event.topic}/${event.key ?? ""} ${valueText(event.value)}`;
}

function field(id: string, type = "text"): HTMLInputElement {
  return element("input", { id, type, autocomplete: "off" });
}

function labelled(text: string, input: HTMLInputElement): HTMLElement {
  return element("label", {}, `${text} `, input);
}

function fill(list: HTMLDataListElement, texts: ReadonlySet<string>): void {
  const sorted = [...texts].sort();
  if ([...list.options].map(({ value }) => value).join("\n") === sorted.join("\n")) return;
  list.replaceChildren(...sorted.map((value) => element("option", { value })));
}
