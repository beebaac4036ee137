import Flash from "embedded:storage/flash";
import Update from "embedded:update";
import type { Image } from "./firmware.js";

/** The SDK's path of the part of flash that is not running. */
const NEXT = "nextota";

/** Bytes that an image may have. @throws Error when flash has one place for images only */
export function imageBytesMax(): number {
  const partition = Flash.open({ path: NEXT });
  try {
    return partition.status().size;
  } finally {
    partition.close();
  }
}

/** Begins to write an image. What was there is erased bit by bit. */
export function openImage(): Image {
  const partition = Flash.open({ path: NEXT });
  const update = Update.open({ partition, mode: "a" });
  const close = (): void => {
    update.close();
    partition.close();
  };
  return {
    write: (bytes) => update.write(bytes.slice().buffer),
    complete: () => {
      update.complete();
      close();
    },
    abort: close,
  };
}
