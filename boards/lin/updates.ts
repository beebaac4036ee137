import type { FirmwareUpdate } from "../care/firmware.js";

/** The simulator has no images. */
export function startUpdates(
  _version: string, _onRestart: () => void, _onRollback: () => void,
): FirmwareUpdate | undefined {
  return undefined;
}
