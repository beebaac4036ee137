import FFI from "mc/ffi";
import { RESET_REASONS, type ResetReason } from "./restarts.js";

/** The functions of chip.c. */
interface Natives {
  chisme_reset_reason(): number;
  chisme_kept_seconds(): number;
  chisme_keep_seconds(seconds: number): void;
  chisme_restart(): void;
  chisme_confirm(): number;
  chisme_rollback(): number;
}

const natives = new FFI() as unknown as Natives;

/** Why the chip started. */
export function resetReason(): ResetReason {
  return RESET_REASONS[natives.chisme_reset_reason()] ?? "unknown";
}

/** Seconds that were kept before the restart; undefined after a loss of power. */
export function keptSeconds(): number | undefined {
  const seconds = natives.chisme_kept_seconds();
  return seconds < 0 ? undefined : seconds;
}

/** Keeps seconds in memory that outlives a restart. It is no flash, and may be written as often as one likes. */
export function keepSeconds(seconds: number): void {
  natives.chisme_keep_seconds(seconds);
}

/** Restarts the chip. The simulator goes on. */
export function restart(): void {
  natives.chisme_restart();
}

/** Tells the boot loader of ESP32 that the running image is good. */
export function confirmImage(): void {
  natives.chisme_confirm();
}

/** Has the boot loader of ESP32 start the image before this one. @throws Error when there is none */
export function rollBackImage(): void {
  throw new Error(`the boot loader has no image to go back to (${natives.chisme_rollback()})`);
}
