import { byId } from "./dom.js";
import type { PageParts } from "./page-parts.js";
import { makeRecordingPanel } from "./recording.js";
import { makeSimulationPanel } from "./simulation.js";
import type { Store } from "./store.js";

/** Makes a panel that only some sources have. It stands above the graph. */
export type MakePanel = (parts: PageParts) => HTMLElement;

/** The panels of each source. */
const PANELS: Record<Store["source"], MakePanel[]> = {
  node: [], simulation: [makeSimulationPanel], recording: [makeRecordingPanel],
};

/** Adds the panels of the source, once it is known. */
export function startPanels(parts: PageParts): void {
  const place = byId("source-panels");
  let shown: Store["source"] | undefined;
  parts.store.subscribe(() => {
    const { source, nodes } = parts.store;
    if (source === shown || nodes.size === 0) return;
    shown = source;
    place.replaceChildren(...PANELS[source].map((make) => make(parts)));
  });
}
