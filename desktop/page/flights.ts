import { wantsLittleMotion } from "./dom.js";
import type { Graph, Overlay } from "./graph.js";
import type { Colours, Point } from "./graph-drawing.js";

/** A datagram of a simulation, as the server tells of it. */
export interface Flight {
  from: number;
  to: number;
  /** null: it is lost. */
  arrivalMs: number | null;
  kind: string;
}

/** Datagrams that are drawn at once; further ones are not. */
const DRAWN_MAX = 400;
/** How long one is seen: in the simulation it takes milliseconds. */
const SHOWN_MS = 700;
/** A lost one comes so far. */
const LOST_AT = 0.6;
const RADIUS = 3.5;

interface Drawn extends Flight {
  beginMs: number;
}

/** Draws datagrams on their way: filled for a SYN, a ring for answers, a cross that fades for those that are lost. */
export class Flights {
  private drawn: Drawn[] = [];
  private readonly graph: Graph;

  constructor(graph: Graph) {
    this.graph = graph;
    graph.addOverlay((...scene) => this.draw(...scene));
  }

  add(list: readonly Flight[]): void {
    const beginMs = performance.now();
    const room = DRAWN_MAX - this.drawn.length;
    for (const flight of list.slice(0, Math.max(0, room))) this.drawn.push({ ...flight, beginMs });
    this.graph.draw();
  }

  private readonly draw: Overlay = (context, at, colours) => {
    const nowMs = performance.now();
    this.drawn = this.drawn.filter(({ beginMs }) => nowMs - beginMs < SHOWN_MS);
    context.lineWidth = 1.75;
    for (const flight of this.drawn) {
      const [from, to] = [at(flight.from), at(flight.to)];
      if (from === undefined || to === undefined) continue;
      drawFlight(context, flight, from, to, (nowMs - flight.beginMs) / SHOWN_MS, colours);
    }
    context.globalAlpha = 1;
    return this.drawn.length > 0;
  };
}

/** @param part of the time that has passed, 0 to 1 */
function drawFlight(
  context: CanvasRenderingContext2D, { arrivalMs, kind }: Flight, from: Point, to: Point, part: number,
  colours: Colours,
): void {
  const isLost = arrivalMs === null;
  const end = isLost ? LOST_AT : 1;
  const way = wantsLittleMotion() ? 0.5 : part * end;
  const [x, y] = [from.x + (to.x - from.x) * way, from.y + (to.y - from.y) * way];
  context.globalAlpha = isLost ? 1 - part : 1;
  context.beginPath();
  if (isLost) {
    context.moveTo(x - RADIUS, y - RADIUS);
    context.lineTo(x + RADIUS, y + RADIUS);
    context.moveTo(x + RADIUS, y - RADIUS);
    context.lineTo(x - RADIUS, y + RADIUS);
    context.strokeStyle = colours.cut;
    context.stroke();
    return;
  }
  context.arc(x, y, RADIUS, 0, 2 * Math.PI);
  context.fillStyle = kind.endsWith("SYN") ? colours.focus : colours.surface;
  context.fill();
  context.strokeStyle = colours.focus;
  context.stroke();
}
