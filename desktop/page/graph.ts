import { byId, element, setText, throttled, wantsLittleMotion } from "./dom.js";
import { type Colours, type Point, type Scene, drawLinks, drawNames, drawNodes, nodeSize, readColours }
  from "./graph-drawing.js";
import { nodeTitle, plural } from "./format.js";
import { Places } from "./places.js";
import { STATES, STATE_NAMES, stateIcon } from "./states.js";
import type { Part, Store } from "./store.js";

const MARGIN = 34;
/** States are drawn at most so often. What moves is drawn in each frame. */
const UPDATE_MS = 100;
/** How far from a node a click may be. */
const REACH = 18;

/**
 * Draws over the graph.
 *
 * @param at where a node is, in CSS pixels. @returns whether it moves, so that the next frame is drawn, too
 */
export type Overlay = (context: CanvasRenderingContext2D, at: Scene["at"], colours: Colours) => boolean;

/** The network as a graph: a canvas, and a legend. Arrow keys go from node to node. */
export class Graph {
  /** Called when a node was dragged to a place of the topology, 0 to 1 from the left and from the top. */
  onDrop: ((node: number, x: number, y: number) => void) | undefined;
  private readonly store: Store;
  private readonly places = new Places();
  private readonly canvas = element("canvas", {
    tabindex: "0", role: "img", "aria-describedby": "graph-keys", class: "graph-canvas",
  });
  private readonly counts = new Map(STATE_NAMES.map((state) => [state, element("span", { class: "count" })]));
  private readonly overlays: Overlay[] = [];
  private colours: Colours = readColours();
  private size = { width: 0, height: 0 };
  private fit = { scale: 1, x: 0, y: 0 };
  private mustFit = true;
  private hovered: number | undefined;
  private dragged: number | undefined;
  private isDrawing = false;
  private readonly updateSoon = throttled(() => this.update(), UPDATE_MS);

  constructor(store: Store) {
    this.store = store;
    const section = byId("graph");
    const arrange = element("button", { type: "button" }, "Arrange anew");
    arrange.addEventListener("click", () => {
      this.places.arrange(store.links);
      this.mustFit = true;
      this.draw();
    });
    section.append(
      element("div", { class: "head" }, element("h2", { id: "graph-title" }, "Network"), arrange),
      this.canvas,
      element("p", { id: "graph-keys", class: "unseen" },
        "Arrow keys go to the next node in a direction, Home to the node that was asked, Enter to its details."),
      this.legend());
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.canvas);
    store.subscribe((parts) => this.changed(parts));
  }

  addOverlay(overlay: Overlay): void {
    this.overlays.push(overlay);
  }

  /** Draws in the next frame. */
  draw(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.drawNow();
    });
  }

  private changed(parts: ReadonlySet<Part>): void {
    if (parts.has("theme")) this.colours = readColours();
    if (parts.has("nodes") || parts.has("links")) this.updateSoon();
    if (parts.has("selection")) this.announce();
    if (parts.has("selection") || parts.has("theme")) this.draw();
  }

  private update(): void {
    const { store } = this;
    this.places.update(`places-${store.source}-${store.self ?? ""}`, store.nodes, store.links);
    const counts = new Map<string, number>();
    for (const { shown } of store.nodes.values()) counts.set(shown, (counts.get(shown) ?? 0) + 1);
    for (const [state, count] of this.counts) setText(count, String(counts.get(state) ?? 0));
    const bad = (counts.get("suspect") ?? 0) + (counts.get("down") ?? 0);
    this.canvas.setAttribute("aria-label",
      `Graph of ${plural(store.nodes.size, "node")}, ${counts.get("up") ?? 0} up, ${bad} suspect or down`);
    this.draw();
  }

  private drawNow(): void {
    const context = this.canvas.getContext("2d");
    if (context === null || this.size.width === 0) return;
    const moved = this.places.step();
    // With little motion the graph shows only where all come to rest.
    if (moved && wantsLittleMotion() && !this.places.isAtRest) {
      this.draw();
      return;
    }
    if (moved || this.mustFit || this.isOutside()) this.fitAll();
    const ratio = devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    const { store, colours, hovered } = this;
    const size = nodeSize(store.nodes.size, this.size.width * this.size.height);
    const scene: Scene = { store, colours, hovered, size, at: (id) => this.at(id) };
    drawLinks(context, scene);
    let isMoving = moved;
    drawNodes(context, scene);
    for (const overlay of this.overlays) isMoving = overlay(context, scene.at, colours) || isMoving;
    drawNames(context, scene);
    if (isMoving) this.draw();
  }

  private at(id: number): Point | undefined {
    const place = this.places.of(id);
    if (place === undefined) return undefined;
    const { scale, x, y } = this.fit;
    return { x: x + place.x * scale, y: y + place.y * scale };
  }

  private fitAll(): void {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { x, y } of this.places.all()) {
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    if (left === Infinity) return;
    const { width, height } = this.size;
    const scale = Math.min((width - 2 * MARGIN) / Math.max(right - left, 1),
      (height - 2 * MARGIN) / Math.max(bottom - top, 1), 2.2);
    this.fit = { scale, x: width / 2 - (left + right) / 2 * scale, y: height / 2 - (top + bottom) / 2 * scale };
    this.mustFit = false;
  }

  private isOutside(): boolean {
    for (const { id } of this.places.all()) {
      const { x, y } = this.at(id) as Point;
      if (x < 8 || y < 8 || x > this.size.width - 8 || y > this.size.height - 8) return this.dragged === undefined;
    }
    return false;
  }

  private resized(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === this.size.width && height === this.size.height) return;
    this.size = { width, height };
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.mustFit = true;
    // A canvas of another size is empty.
    this.drawNow();
  }

  private legend(): HTMLElement {
    const states = STATE_NAMES.map((state) => element("li", { title: STATES[state].meaning },
      stateIcon(state), ` ${STATES[state].label} `, this.counts.get(state) as HTMLElement));
    return element("ul", { class: "legend", "aria-label": "Legend" }, ...states,
      element("li", {}, element("span", { class: "line" }), " neighbour"),
      element("li", {}, element("span", { class: "line dashed" }), " over a relay"));
  }

  private listen(): void {
    const { canvas, store } = this;
    const at = ({ offsetX, offsetY }: PointerEvent): number | undefined => this.nearest({ x: offsetX, y: offsetY });
    canvas.addEventListener("pointermove", (event) => {
      if (this.dragged !== undefined) {
        const { scale, x, y } = this.fit;
        this.places.move(this.dragged, (event.offsetX - x) / scale, (event.offsetY - y) / scale);
        this.draw();
        return;
      }
      const hovered = at(event);
      if (hovered === this.hovered) return;
      this.hovered = hovered;
      canvas.classList.toggle("over", hovered !== undefined);
      this.draw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.hovered = undefined;
      this.draw();
    });
    canvas.addEventListener("pointerdown", (event) => {
      const id = at(event);
      store.select(id);
      if (id === undefined || event.pointerType !== "mouse") return;
      this.dragged = id;
      canvas.setPointerCapture(event.pointerId);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => {
      if (end === "pointerup") this.dropped();
      this.dragged = undefined;
      this.draw();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** A click is no drag: the node is where it was. */
  private dropped(): void {
    const node = this.store.nodes.get(this.dragged ?? -1);
    const place = this.places.of(this.dragged ?? -1);
    if (node?.x === undefined || node.y === undefined || place === undefined) return;
    const [x, y] = this.places.inTopology(place);
    if (Math.abs(x - node.x) + Math.abs(y - node.y) > 0.002) this.onDrop?.(node.id, x, y);
  }

  private nearest(point: Point): number | undefined {
    let [found, best]: [number | undefined, number] = [undefined, REACH];
    for (const { id } of this.places.all()) {
      const { x, y } = this.at(id) as Point;
      const distance = Math.hypot(x - point.x, y - point.y);
      if (distance < best) [found, best] = [id, distance];
    }
    return found;
  }

  private key(event: KeyboardEvent): void {
    const { store } = this;
    const direction = DIRECTIONS[event.key];
    if (direction !== undefined) {
      const next = store.selected === undefined ? store.self ?? [...store.nodes.keys()][0]
        : this.towards(store.selected, direction);
      if (next !== undefined) store.select(next);
    } else if (event.key === "Home" && store.self !== undefined) {
      store.select(store.self);
    } else if (event.key === "Escape") {
      store.select(undefined);
    } else if (event.key === "Enter" && store.selected !== undefined) {
      byId("details-title").focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** The nearest node in a direction; those to the side count as farther. */
  private towards(from: number, [dx, dy]: readonly [number, number]): number | undefined {
    const start = this.at(from);
    if (start === undefined) return undefined;
    let [found, best]: [number | undefined, number] = [undefined, Infinity];
    for (const { id } of this.places.all()) {
      const { x, y } = this.at(id) as Point;
      const along = (x - start.x) * dx + (y - start.y) * dy;
      const aside = Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx);
      if (id !== from && along > 1 && along + 2 * aside < best) [found, best] = [id, along + 2 * aside];
    }
    return found;
  }

  private announce(): void {
    const node = this.store.nodes.get(this.store.selected ?? -1);
    if (node === undefined) return;
    setText(byId("announcer"), `${nodeTitle(node)}, ${STATES[node.shown].label}, ${node.valueText}`);
  }
}

const DIRECTIONS: Record<string, readonly [number, number] | undefined> = {
  ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0],
};
