import type { Image } from "./firmware.js";

/** As in esp32-image.ts. */
export function imageBytesMax(): number {
  return 0x1f0000;
}

/** The simulator cannot start an image. It only counts the bytes. */
export function openImage(): Image {
  let bytesWritten = 0;
  return {
    write: (bytes) => void (bytesWritten += bytes.length),
    complete: () => trace(`an image of ${bytesWritten} bytes is complete\n`),
    abort: () => undefined,
  };
}
