/** The simulator has no LED; it prints. */
export function showStatus(): void {
  // Nothing to do.
}
