import assert from "node:assert/strict";
import type { Violation, SimNetwork } from "../../../desktop/simulator/index.js";

export const ROUND_MS = 10000;

/** Nodes that know the first one, started within a round. */
export function addNodes(network: SimNetwork, count: number, seedList: string[] = ["10.0.0.1"]): void {
  for (let i = 0; i < count; i++) {
    network.addNode({ options: { seedList }, startAfterMs: (i * ROUND_MS) / count });
  }
}

export function assertNone(violations: readonly Violation[]): void {
  assert.deepEqual(violations, []);
}

/** The nodes that violate a check, each once. */
export function violators(violations: readonly Violation[]): string[] {
  return [...new Set(violations.map((violation) => violation.node))];
}
