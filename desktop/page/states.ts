import type { NodeState } from "../../src/gossip.js";

/** "probed" is shown as "up", as `chisme members` does. */
export type ShownState = Exclude<NodeState, "probed">;

export interface StateLook {
  label: string;
  /** What it says of a node, for the legend. */
  meaning: string;
  /** Outline in a square of 20 by 20 around 0, filled by the rule "evenodd": each state has a form of its own. */
  path: string;
  /** Orders states, the worst first. */
  rank: number;
}

const CIRCLE = "M8 0A8 8 0 1 1-8 0A8 8 0 1 1 8 0Z";

export const STATES: Record<ShownState, StateLook> = {
  up: { label: "up", meaning: "answers", path: CIRCLE, rank: 3 },
  asleep: { label: "asleep", meaning: "said that it sleeps", path: "M3-8A8 8 0 1 0 8 3A6.5 6.5 0 0 1 3-8Z", rank: 2 },
  suspect: { label: "suspect", meaning: "did not answer probes", path: "M0-9L9 7H-9Z", rank: 0 },
  down: {
    label: "down", meaning: "did not refute the suspicion", rank: 1,
    path: "M-8-5L-5-8L0-3L5-8L8-5L3 0L8 5L5 8L0 3L-5 8L-8 5L-3 0Z",
  },
  left: { label: "left", meaning: "said goodbye", path: `${CIRCLE}M5 0A5 5 0 1 0-5 0A5 5 0 1 0 5 0Z`, rank: 4 },
  removed: {
    label: "removed", meaning: "long down or left", path: "M0-9L9 0L0 9L-9 0ZM0-4.5L-4.5 0L0 4.5L4.5 0Z", rank: 5,
  },
};

export const STATE_NAMES = Object.keys(STATES) as ShownState[];

export function shownState(state: NodeState): ShownState {
  return state === "probed" ? "up" : state;
}

const SVG = "http://www.w3.org/2000/svg";

/** The form of a state; `setStateIcon` gives it another. */
export function stateIcon(state: ShownState): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "-10 -10 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  setStateIcon(svg, state);
  return svg;
}

export function setStateIcon(svg: SVGSVGElement, state: ShownState): void {
  if (svg.dataset.state === state) return;
  svg.dataset.state = state;
  svg.setAttribute("class", `state-icon state-${state}`);
  svg.firstElementChild?.setAttribute("d", STATES[state].path);
}
