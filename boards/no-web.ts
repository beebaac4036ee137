import type { Gossip } from "chisme/gossip";

/** As in web/web.ts. */
export function serve(_node: Gossip): void {
  // This board shows nothing over HTTP.
}
