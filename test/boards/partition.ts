import assert from "node:assert/strict";
import type { Flash } from "../../desktop/simulator/flash.js";
import type { FlashPartition } from "../../src/platform/moddable-flash.js";

/** The SDK's class `Flash`: one run of bytes, read into a new buffer each time. */
export function partitionOf(flash: Flash): FlashPartition {
  return {
    byteLength: flash.bytes.length,
    blockSize: flash.sectorBytes,
    read(offset, byteLength) {
      assert.ok(byteLength > 0 && offset + byteLength <= flash.bytes.length);
      return flash.bytes.slice(offset, offset + byteLength).buffer;
    },
    write(offset, byteLength, buffer) {
      assert.ok(buffer.length >= byteLength);
      flash.write(Math.floor(offset / flash.sectorBytes), offset % flash.sectorBytes, buffer, byteLength);
    },
    erase: (sector) => flash.erase(sector),
  };
}
