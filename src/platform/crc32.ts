/** CRC-32 of IEEE 802.3, as in zip. */

/** A table for four bits. One for eight bits would take 1,024 bytes; without a table CRC-32 is four times slower. */
export function crc32Table(): Int32Array {
  const table = new Int32Array(16);
  for (let i = 0; i < 16; i++) {
    let crc = i;
    for (let bit = 0; bit < 4; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL);
    table[i] = crc;
  }
  return table;
}

const POLYNOMIAL = 0xedb88320;

/** The CRC-32 of the first `length` bytes, as int32. @param table from `crc32Table` */
export function crc32Of(table: Int32Array, bytes: Uint8Array, length: number): number {
  let crc = -1;
  for (let i = 0; i < length; i++) {
    crc ^= bytes[i];
    crc = (crc >>> 4) ^ table[crc & 15];
    crc = (crc >>> 4) ^ table[crc & 15];
  }
  return ~crc;
}
