/** A larger difference is a step: the shown time jumps. */
export const STEP_MS = 2000;
/** Of a smaller one, a sixteenth of the time that passes is made up for. */
const SLEW_SHIFT = 16;

/** The time as the application sees it: it never runs backwards, but for steps. */
export class ShownTime {
  isKnown = false;
  /** Shown time less `upMs`, when `upMs` was `atMs`. */
  private offsetMs = 0;
  private atMs = 0;

  /** Follows the time `upMs + offsetMs`. Returns whether the shown time jumped. */
  follow(offsetMs: number, upMs: number): boolean {
    const missingMs = offsetMs - this.slew(offsetMs, upMs);
    if (this.isKnown && Math.abs(missingMs) <= STEP_MS) return false;
    this.isKnown = true;
    this.offsetMs = offsetMs;
    return true;
  }

  /** The shown time, which goes on towards `upMs + offsetMs`. */
  at(offsetMs: number, upMs: number): number {
    return Math.floor(upMs + this.slew(offsetMs, upMs));
  }

  private slew(offsetMs: number, upMs: number): number {
    const mostMs = (upMs - this.atMs) / SLEW_SHIFT;
    const missingMs = offsetMs - this.offsetMs;
    this.atMs = upMs;
    this.offsetMs += missingMs > mostMs ? mostMs : missingMs < -mostMs ? -mostMs : missingMs;
    return this.offsetMs;
  }
}
