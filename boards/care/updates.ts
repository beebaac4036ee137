import { imageBytesMax, openImage } from "care/image";
import { Digest } from "crypt";
import Preference from "preference";
import Timer from "timer";
import { confirmImage, rollBackImage } from "./chip.js";
import { FirmwareUpdate } from "./firmware.js";
import { connectTcp } from "./tcp.js";

/**
 * Updates of an ESP32 whose flash has two places for images.
 *
 * @param onRestart restarts the board
 * @param onRollback is called before the board goes back to the image before
 * @returns undefined if there is one place only, as without `"defines": { "ota": { "autosplit": 1 } }` in the manifest
 */
export function startUpdates(
  version: string, onRestart: () => void, onRollback: () => void,
): FirmwareUpdate | undefined {
  let bytesMax: number;
  try {
    bytesMax = imageBytesMax();
  } catch (error) {
    trace(`no updates: ${(error as Error).message}\n`);
    return undefined;
  }
  const updates = new FirmwareUpdate({
    version,
    preferences: Preference,
    domain: "chisme-update",
    setTimer: (callback, delayMs) => Timer.set(callback, delayMs),
    clearTimer: (timer) => Timer.clear(timer as Timer),
    random: Math.random,
    connect: connectTcp,
    imageBytesMax: bytesMax,
    openImage,
    hash: () => {
      const digest = new Digest("SHA256");
      return {
        write: (bytes) => digest.write(bytes.slice().buffer),
        close: () => new Uint8Array(digest.close()),
      };
    },
    restart: onRestart,
    confirm: confirmImage,
    rollback: () => {
      onRollback();
      rollBackImage();
    },
    onNews: (text) => trace(`firmware: ${text}\n`),
  });
  updates.begin();
  return updates;
}
