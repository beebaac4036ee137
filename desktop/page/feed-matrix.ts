import { byId, element, setText, throttled } from "./dom.js";
import { nodeTitle, plural } from "./format.js";
import type { Store } from "./store.js";

const DRAW_MS = 1000;
/** Up to so many holders each has a column of a table; more are drawn as a picture. */
const COLUMNS_MAX = 12;
/** Authors in the table. */
const ROWS_MAX = 100;
const CELL_PX = 12;

/** Who holds how much of whose feed. */
export class FeedMatrix {
  private readonly store: Store;
  private readonly summary = element("p", { class: "muted" });
  private readonly place = element("div", { class: "matrix", tabindex: "0", role: "region",
    "aria-label": "Who holds how much of whose feed" });
  private drawn = "";

  constructor(store: Store) {
    this.store = store;
    byId("feeds").append(element("div", { class: "head" }, element("h2", { id: "feeds-title" }, "Feeds")),
      this.summary, this.place);
    const show = throttled(() => this.show(), DRAW_MS);
    store.subscribe((parts) => {
      if (parts.has("theme")) this.drawn = "";
      if (parts.has("feeds") || parts.has("theme")) show();
    });
  }

  private show(): void {
    const { feeds } = this.store;
    const text = JSON.stringify(feeds);
    if (text === this.drawn) return;
    this.drawn = text;
    const { authors, newest, holders } = feeds;
    const cells = authors.length * holders.length;
    const full = holders.reduce((sum, { held }) => sum + held.filter((one, at) => one === newest[at]).length, 0);
    setText(this.summary, authors.length === 0 ? "No events are held."
      : holders.length === 1 ? `This node holds events of ${plural(authors.length, "author")}.`
      : `${plural(authors.length, "feed")} at ${plural(holders.length, "node")}: `
        + `${full} of ${cells} are held to their newest event.`);
    this.place.hidden = authors.length === 0;
    this.place.replaceChildren(holders.length <= COLUMNS_MAX ? this.asTable() : this.asPicture());
  }

  private title(id: number): string {
    return nodeTitle(this.store.nodes.get(id) ?? { id });
  }

  private asTable(): HTMLElement {
    const { authors, newest, holders } = this.store.feeds;
    const head = element("tr", {},
      element("th", { scope: "col" }, "Feed of"), element("th", { scope: "col" }, "Newest"),
      ...holders.map(({ id }) => element("th", { scope: "col" }, `held by ${this.title(id)}`)));
    const rows = authors.slice(0, ROWS_MAX).map((author, at) => element("tr", {},
      element("th", { scope: "row" }, this.title(author)), element("td", {}, String(newest[at])),
      ...holders.map(({ held }) => heldCell(held[at], newest[at]))));
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
    if (authors.length <= ROWS_MAX) return table;
    return element("div", {}, table, element("p", { class: "muted" }, `and ${authors.length - ROWS_MAX} more`));
  }

  /** A square for each pair. Columns are authors, rows are holders. */
  private asPicture(): HTMLElement {
    const { authors, newest, holders } = this.store.feeds;
    const canvas = element("canvas", { role: "img", "aria-label": this.summary.textContent ?? "" });
    canvas.width = authors.length * CELL_PX;
    canvas.height = holders.length * CELL_PX;
    canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
      const [at, row] = [Math.floor(offsetX / CELL_PX), Math.floor(offsetY / CELL_PX)];
      const holder = holders[row];
      if (holder === undefined || authors[at] === undefined) return;
      canvas.title = `${this.title(holder.id)} holds ${holder.held[at] ?? "none"} of ${newest[at]} `
        + `events of ${this.title(authors[at])}`;
    });
    const context = canvas.getContext("2d");
    if (context === null) return canvas;
    const style = getComputedStyle(document.documentElement);
    const full = style.getPropertyValue("--held").trim();
    const none = style.getPropertyValue("--grid").trim();
    holders.forEach(({ held }, row) => held.forEach((sequence, at) => {
      const share = sequence === null || newest[at] === 0 ? 0 : sequence / newest[at];
      const [x, y, side] = [at * CELL_PX, row * CELL_PX, CELL_PX - 1];
      context.fillStyle = none;
      context.fillRect(x, y, side, side);
      // How much is held is the height of the filled part: it does not hang on colours.
      context.fillStyle = full;
      const height = share === 1 ? side : Math.floor(share * (side - 2));
      context.fillRect(x, y + side - height, side, height);
    }));
    return element("div", {},
      element("p", { class: "muted" }, "Columns: authors. Rows: holders. A full square: all events are held."), canvas);
  }
}

function heldCell(held: number | null, newest: number): HTMLElement {
  const meter = element("span", { class: "meter", "aria-hidden": "true" });
  meter.style.setProperty("--share", String(held === null || newest === 0 ? 0 : held / newest));
  return element("td", {}, meter, held === null ? "none" : held === newest ? "all" : String(held));
}
