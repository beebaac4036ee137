import assert from "node:assert/strict";
import type { Complaint, SimNetwork } from "../../../desktop/simulator/index.js";

export const ROUND_MS = 10000;

/** Nodes that know the first one, started within a round. */
export function addNodes(network: SimNetwork, count: number, seedList: string[] = ["10.0.0.1"]): void {
  for (let i = 0; i < count; i++) {
    network.addNode({ options: { seedList }, startAfterMs: (i * ROUND_MS) / count });
  }
}

export function assertNone(complaints: readonly Complaint[]): void {
  assert.deepEqual(complaints, []);
}

/** Who complained, by check, without repetition. */
export function who(complaints: readonly Complaint[]): string[] {
  return [...new Set(complaints.map((complaint) => complaint.who))];
}
