import { byId, element, setAttribute, setText, throttled } from "./dom.js";
import { durationText, nodeTitle, numberText } from "./format.js";
import { STATES, setStateIcon, stateIcon } from "./states.js";
import type { Part, ShownNode, Store } from "./store.js";

const ROW_PX = 36;
/** While rows change, they are sorted at most so often. */
const SELECT_MS = 100;
/** Rows above and below those that are seen. */
const SPARE_ROWS = 6;

interface Column {
  name: string;
  title: string;
  text: (node: ShownNode, nowMs: number) => string;
  compare: (one: ShownNode, other: ShownNode) => number;
}

const collator = new Intl.Collator(undefined, { numeric: true });
const byText = (text: (node: ShownNode) => string) => (one: ShownNode, other: ShownNode): number =>
  collator.compare(text(one), text(other));
const byNumber = (number: (node: ShownNode) => number | undefined) => (one: ShownNode, other: ShownNode): number =>
  (number(one) ?? Infinity) - (number(other) ?? Infinity) || 0;
/** Numbers by their size, all else as text. */
const byValue = (one: ShownNode, other: ShownNode): number =>
  typeof one.data === "number" && typeof other.data === "number" ? one.data - other.data
  : collator.compare(one.valueText, other.valueText);
const addressOf = ({ address, port }: ShownNode): string => `${address}:${port}`;

const COLUMNS: Column[] = [
  {
    name: "state", title: "State", text: ({ shown }) => STATES[shown].label,
    compare: byNumber(({ shown }) => STATES[shown].rank),
  },
  { name: "name", title: "Name", text: nodeTitle, compare: byText(nodeTitle) },
  { name: "id", title: "Id", text: ({ id }) => String(id), compare: byNumber(({ id }) => id) },
  { name: "address", title: "Address", text: addressOf, compare: byText(addressOf) },
  {
    name: "for", title: "For", text: ({ sinceMs }, nowMs) => durationText(nowMs - sinceMs),
    compare: byNumber(({ sinceMs }) => -sinceMs),
  },
  {
    name: "heard", title: "Heard",
    text: ({ heardMs }, nowMs) => heardMs === undefined ? "" : durationText(nowMs - heardMs),
    compare: byNumber(({ heardMs }) => heardMs === undefined ? undefined : -heardMs),
  },
  {
    name: "trip", title: "Trip", compare: byNumber(({ roundTripMs }) => roundTripMs),
    text: ({ roundTripMs }) => roundTripMs === undefined ? "" : `${numberText(Number(roundTripMs.toPrecision(3)))} ms`,
  },
  { name: "value", title: "Value", text: (node) => node.valueText, compare: byValue },
];

/** All nodes as a table that sorts and searches. Only the rows that are seen are in the page. */
export class NodeTable {
  private readonly store: Store;
  private readonly search = element("input", { id: "search", type: "search", autocomplete: "off" });
  private readonly found = element("span", { class: "muted" });
  private readonly above = spacer();
  private readonly below = spacer();
  private readonly body = element("tbody");
  private readonly table = element("table", { role: "grid", tabindex: "0", "aria-labelledby": "nodes-title" });
  private readonly scroller = element("div", { class: "table-scroll" }, this.table);
  private readonly heads: HTMLTableCellElement[];
  private readonly rows: TableRow[] = [];
  private shown: ShownNode[] = [];
  private readonly selectSoon = throttled(() => this.select(), SELECT_MS);
  private sorted = { column: COLUMNS[1], sign: 1 };

  constructor(store: Store) {
    this.store = store;
    this.heads = COLUMNS.map((column) => this.head(column));
    this.table.append(element("thead", {}, element("tr", {}, ...this.heads)), this.body);
    this.body.append(this.above, this.below);
    byId("nodes").append(
      element("div", { class: "head" }, element("h2", { id: "nodes-title" }, "Nodes"), this.found,
        element("label", { class: "search" }, "Search ", this.search)),
      this.scroller);
    this.search.addEventListener("input", () => this.select());
    this.scroller.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.render()).observe(this.scroller);
    this.table.addEventListener("keydown", (event) => this.key(event));
    store.subscribe((parts) => this.changed(parts));
  }

  private changed(parts: ReadonlySet<Part>): void {
    if (parts.has("nodes")) this.selectSoon();
    if (parts.has("clock") || parts.has("selection")) this.render();
  }

  /** Which nodes are shown, and in which order. */
  private select(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const { column, sign } = this.sorted;
    const all = [...this.store.nodes.values()];
    this.shown = wanted === "" ? all : all.filter((node) => searchText(node).includes(wanted));
    this.shown.sort((one, other) => sign * column.compare(one, other) || one.id - other.id);
    setText(this.found, wanted === "" ? String(all.length) : `${this.shown.length} of ${all.length}`);
    setAttribute(this.table, "aria-rowcount", String(this.shown.length + 1));
    this.render();
  }

  private render(): void {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE_ROWS);
    const count = Math.min(this.shown.length - first, Math.ceil(clientHeight / ROW_PX) + 2 * SPARE_ROWS);
    const nowMs = performance.now();
    setHeight(this.above, first * ROW_PX);
    setHeight(this.below, Math.max(0, this.shown.length - first - count) * ROW_PX);
    while (this.rows.length < count) {
      const row = new TableRow(this.store);
      this.rows.push(row);
      this.below.before(row.element);
    }
    while (this.rows.length > Math.max(count, 0)) this.rows.pop()?.element.remove();
    let active: string | undefined;
    this.rows.forEach((row, index) => {
      const node = this.shown[first + index];
      const isSelected = node.id === this.store.selected;
      row.show(node, first + index, isSelected, nowMs);
      if (isSelected) active = row.element.id;
    });
    setAttribute(this.table, "aria-activedescendant", active);
  }

  private head(column: Column): HTMLTableCellElement {
    const button = element("button", { type: "button" }, column.title);
    const isFirst = column === this.sorted.column;
    const head = element("th", { scope: "col", class: column.name, "aria-sort": isFirst ? "ascending" : "none" },
      button);
    button.addEventListener("click", () => {
      this.sorted = { column, sign: this.sorted.column === column ? -this.sorted.sign : 1 };
      for (const other of this.heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", this.sorted.sign > 0 ? "ascending" : "descending");
      this.select();
    });
    return head;
  }

  private key(event: KeyboardEvent): void {
    // Heads are buttons with keys of their own.
    if (event.target !== this.table) return;
    const at = this.shown.findIndex(({ id }) => id === this.store.selected);
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_PX) - 1);
    const last = this.shown.length - 1;
    const targets: Record<string, number | undefined> = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last,
    };
    const target = targets[event.key];
    if (event.key === "Enter" && at >= 0) {
      byId("details-title").focus();
    } else if (target !== undefined && last >= 0) {
      this.go(Math.min(Math.max(target, 0), last));
    } else {
      return;
    }
    event.preventDefault();
  }

  private go(index: number): void {
    this.store.select(this.shown[index].id);
    const { scroller } = this;
    const headPx = this.table.tHead?.offsetHeight ?? 0;
    const top = index * ROW_PX;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    const bottom = top + ROW_PX + headPx - scroller.clientHeight;
    if (bottom > scroller.scrollTop) scroller.scrollTop = bottom;
  }
}

/** A row of the page, which shows one node after another. */
class TableRow {
  readonly element: HTMLTableRowElement;
  private readonly icon = stateIcon("up");
  private readonly texts: Text[];
  private id = -1;

  constructor(store: Store) {
    this.texts = COLUMNS.map(() => document.createTextNode(""));
    this.element = element("tr", {}, ...COLUMNS.map((column, index) =>
      element("td", { class: column.name }, ...index === 0 ? [this.icon, this.texts[0]] : [this.texts[index]])));
    this.element.addEventListener("click", () => store.select(this.id));
  }

  show(node: ShownNode, index: number, isSelected: boolean, nowMs: number): void {
    this.id = node.id;
    const { element: row } = this;
    if (row.id !== `node-${node.id}`) row.id = `node-${node.id}`;
    setAttribute(row, "aria-rowindex", String(index + 2));
    setAttribute(row, "aria-selected", String(isSelected));
    setAttribute(row, "class", node.isSelf ? "self" : undefined);
    setStateIcon(this.icon, node.shown);
    COLUMNS.forEach((column, at) => {
      const text = column.text(node, nowMs);
      if (this.texts[at].data !== text) this.texts[at].data = text;
    });
  }
}

function searchText(node: ShownNode): string {
  return `${node.name ?? ""} ${node.id} ${addressOf(node)} ${STATES[node.shown].label} ${node.valueText}`.toLowerCase();
}

function spacer(): HTMLTableRowElement {
  return element("tr", { "aria-hidden": "true", class: "spacer" }, element("td"));
}

function setHeight(row: HTMLTableRowElement, px: number): void {
  const height = `${px}px`;
  if (row.style.height !== height) row.style.height = height;
}
