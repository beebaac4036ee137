import { STATES, STATE_NAMES, type ShownState } from "./states.js";
import type { ShownNode, Store } from "./store.js";
import { nodeTitle } from "./format.js";

const PATHS = new Map(STATE_NAMES.map((state) => [state, new Path2D(STATES[state].path)]));
/** In larger networks only names of few nodes are drawn. */
const NAMED_NODES_MAX = 150;
const NAME_PX = 12;

export interface Point {
  x: number;
  y: number;
}

/** Colours of the theme, read once: each look at a computed style costs. */
export interface Colours {
  states: Record<ShownState, string>;
  text: string;
  muted: string;
  surface: string;
  link: string;
  cut: string;
  focus: string;
}

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const states = Object.fromEntries(STATE_NAMES.map((state) => [state, read(state)])) as Record<ShownState, string>;
  return {
    states, text: read("text"), muted: read("muted"), surface: read("surface"), link: read("link"), cut: read("down"),
    focus: read("focus"),
  };
}

export interface Scene {
  store: Store;
  colours: Colours;
  /** Where a node is on the canvas, in CSS pixels. */
  at: (id: number) => Point | undefined;
  hovered: number | undefined;
  /** Half the size of a node's form, in pixels. */
  size: number;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Half the size of a form, by the room that each node has. */
export function nodeSize(count: number, areaPx: number): number {
  return Math.min(9, Math.max(4.5, Math.sqrt(areaPx / Math.max(count, 1)) * 0.085));
}

export function drawLinks(context: CanvasRenderingContext2D, { store, colours, at }: Scene): void {
  const kinds: [(link: Store["links"][number]) => boolean, string, number[]][] = [
    [({ kind, isCut }) => kind === "neighbour" && !isCut, colours.link, []],
    [({ kind, isCut }) => kind === "relay" && !isCut, colours.link, [6, 5]],
    [({ isCut }) => isCut === true, colours.cut, [1, 5]],
  ];
  for (const [wanted, colour, dash] of kinds) {
    const strong = new Path2D();
    const weak = new Path2D();
    for (const link of store.links) {
      if (!wanted(link)) continue;
      const [from, to] = [at(link.from), at(link.to)];
      if (from === undefined || to === undefined) continue;
      const path = link.from === store.selected || link.to === store.selected ? strong : weak;
      path.moveTo(from.x, from.y);
      path.lineTo(to.x, to.y);
    }
    context.setLineDash(dash);
    context.strokeStyle = colour;
    // Many links would hide the nodes.
    context.globalAlpha = store.links.length > 400 ? 0.35 : 0.8;
    context.lineWidth = 1.25;
    context.stroke(weak);
    context.globalAlpha = 1;
    context.lineWidth = 2.5;
    context.stroke(strong);
  }
  context.setLineDash([]);
}

export function drawNodes(context: CanvasRenderingContext2D, scene: Scene): void {
  const { store, colours, at, size } = scene;
  for (const node of store.nodes.values()) {
    const place = at(node.id);
    if (place === undefined) continue;
    context.save();
    context.translate(place.x, place.y);
    if (node.id === store.self) ring(context, size + 4, colours.text, 1.5);
    if (node.id === store.selected) ring(context, size + 7, colours.focus, 3);
    else if (node.id === scene.hovered) ring(context, size + 5, colours.muted, 1.5);
    context.scale(size / 8, size / 8);
    context.fillStyle = colours.states[node.shown];
    context.fill(PATHS.get(node.shown) as Path2D, "evenodd");
    if (node.isRunning === false) cross(context, colours.text);
    context.restore();
  }
}

/** Names where there is room: those of chosen nodes first, then those of nodes in trouble. */
export function drawNames(context: CanvasRenderingContext2D, scene: Scene): void {
  const { store, colours, at, hovered, size } = scene;
  const special = new Set([hovered, store.selected, store.self]);
  const first = [...special].flatMap((id) => store.nodes.get(id ?? -1) ?? []);
  const others = store.nodes.size > NAMED_NODES_MAX ? []
    : [...store.nodes.values()].filter(({ id }) => !special.has(id))
      .sort((one, other) => STATES[one.shown].rank - STATES[other.shown].rank);
  context.font = `${NAME_PX}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "top";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = colours.surface;
  const taken: Box[] = [];
  for (const node of [...first, ...others]) {
    const place = at(node.id);
    if (place === undefined) continue;
    const isChosen = node.id === hovered || node.id === store.selected;
    const text = isChosen ? longName(node) : shortName(node);
    const half = context.measureText(text).width / 2;
    const edge = context.canvas.clientWidth;
    const x = Math.min(Math.max(place.x, half + 2), Math.max(edge - half - 2, half + 2));
    const top = place.y + size + 4;
    const box = { left: x - half, right: x + half, top, bottom: top + NAME_PX + 1 };
    if (taken.some((other) => doOverlap(box, other))) continue;
    taken.push(box);
    context.fillStyle = special.has(node.id) ? colours.text : colours.muted;
    context.strokeText(text, x, top);
    context.fillText(text, x, top);
  }
}

function doOverlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function shortName(node: ShownNode): string {
  const title = nodeTitle(node);
  return title.length > 16 ? `${title.slice(0, 15)}…` : title;
}

function longName(node: ShownNode): string {
  const value = node.data === undefined ? "" : ` · ${node.valueText.slice(0, 40)}`;
  return `${nodeTitle(node)} · ${STATES[node.shown].label}${value}`;
}

function ring(context: CanvasRenderingContext2D, radius: number, colour: string, width: number): void {
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

/** Over the form of a node that does not run, whatever others hold of it. */
function cross(context: CanvasRenderingContext2D, colour: string): void {
  context.beginPath();
  context.moveTo(-10, -10);
  context.lineTo(10, 10);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
}
