/**
 * Compares two statements about one node by ESPGossip's rule: revision, then
 * heartbeat, then state. Negative when the first is older, 0 when equal,
 * positive when it is fresher.
 */
export function compareFreshness(
  revisionA: number, heartbeatA: number, stateA: number,
  revisionB: number, heartbeatB: number, stateB: number,
): number {
  if (revisionA !== revisionB) return revisionA < revisionB ? -1 : 1;
  if (heartbeatA !== heartbeatB) return heartbeatA < heartbeatB ? -1 : 1;
  return stateA - stateB;
}
