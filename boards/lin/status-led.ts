/** As in ../status-led.ts. */
export type Status = "offline" | "alone" | "joined";

/** The simulator has no LED; it prints. */
export function showStatus(_status: Status): void {
  // Nothing to do.
}
