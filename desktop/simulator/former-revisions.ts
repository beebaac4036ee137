import type { Violation } from "./checkers.js";
import type { SimNode } from "./node.js";

/**
 * The revisions of nodes that crashed, if all nodes held them at the crash. Even a
 * node with wiped storage must come back with a higher one, as the others show it.
 */
export class FormerRevisions {
  private readonly revisions = new Map<SimNode, number>();

  /** A node crashes. */
  note(node: SimNode, running: readonly SimNode[]): void {
    const revision = node.gossip?.revision;
    if (revision === undefined || running.some((other) => heldRevision(other, node) !== revision)) return;
    this.revisions.set(node, revision);
  }

  /**
   * Forgets revisions that no running node holds any more: rows are lost with the node that holds them, and invented
   * nodes may have displaced them. In small networks that happens soon.
   */
  prune(running: readonly SimNode[]): void {
    for (const [node, revision] of this.revisions) {
      if (running.every((other) => (heldRevision(other, node) ?? -1) < revision)) this.revisions.delete(node);
    }
  }

  clear(): void {
    this.revisions.clear();
  }

  /** Checks that all these nodes have a higher revision now. */
  check(): Violation[] {
    return Array.from(this.revisions).flatMap(([node, revision]) => revisionNotAbove(node, revision));
  }
}

/** The revision of a node that another one holds. */
function heldRevision(holder: SimNode, node: SimNode): number | undefined {
  return holder.gossip?.rows().find(({ id }) => id === node.id)?.revision;
}

/** Checks that a node that was started again has a higher revision than before. */
export function revisionNotAbove(node: SimNode, former: number): Violation[] {
  const revision = node.gossip?.revision ?? 0;
  // A node without a stored revision may use revision 0 twice; its heartbeat distinguishes the two.
  if (revision > former || (revision === 0 && former === 0)) return [];
  return [{ check: "revisions", node: node.name, detail: `is at revision ${revision} after revision ${former}` }];
}
