import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Context } from "mocha";

const run = promisify(execFile);
const OUTPUT_BYTES_MOST = 1 << 28;

/** The dissector under test. */
export const DISSECTOR = resolve("tools/wireshark/chisme.lua");

/** One datagram of a capture. Addresses are uint32. */
export interface Captured {
  bytes: Uint8Array;
  from?: number;
  to?: number;
  fromPort?: number;
  toPort?: number;
  /** Milliseconds since 1970. */
  atMs?: number;
}

/** Skips the tests where tshark is missing, except in CI. */
export function requireTshark(context: Context): void {
  try {
    execFileSync("tshark", ["--version"], { stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    if (process.env.CI === "true") throw error;
    console.log("      skipped: needs the Debian package tshark");
    context.skip();
  }
}

export function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

/** A file of pcap's format, with link type 101: datagrams of IPv4 without a link's head. */
export function pcapOf(datagrams: readonly Captured[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(101, 20);
  return Buffer.concat([head, ...datagrams.flatMap(recordOf)]);
}

function recordOf(datagram: Captured, index: number): Buffer[] {
  const { bytes, from = 0xc0a80035, to = 0xc0a80036, fromPort = 5000, toPort = 5000 } = datagram;
  const atMs = datagram.atMs ?? 1767225600000 + index;
  const ip = Buffer.alloc(28);
  ip[0] = 0x45;
  ip.writeUInt16BE(28 + bytes.length, 2);
  ip[8] = 64;
  ip[9] = 17;
  ip.writeUInt32BE(from, 12);
  ip.writeUInt32BE(to, 16);
  ip.writeUInt16BE(ipChecksum(ip), 10);
  ip.writeUInt16BE(fromPort, 20);
  ip.writeUInt16BE(toPort, 22);
  ip.writeUInt16BE(8 + bytes.length, 24);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(Math.floor(atMs / 1000), 0);
  record.writeUInt32LE(Math.floor(atMs % 1000) * 1000, 4);
  record.writeUInt32LE(28 + bytes.length, 8);
  record.writeUInt32LE(28 + bytes.length, 12);
  return [record, ip, Buffer.from(bytes)];
}

function ipChecksum(head: Buffer): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += head.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** What tshark prints of datagrams. Fails if it complains about the dissector. */
export async function tshark(datagrams: readonly Captured[], options: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "chisme-tshark-"));
  try {
    const file = join(folder, "capture.pcap");
    writeFileSync(file, pcapOf(datagrams));
    // A home of its own: no settings and plugins of the user.
    const env = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", TZ: "UTC" };
    const { stdout, stderr } = await run(
      "tshark", ["-n", "-r", file, "-X", `lua_script:${DISSECTOR}`, ...options],
      { env, maxBuffer: OUTPUT_BYTES_MOST },
    );
    assert.doesNotMatch(stderr.replace(/^Running as user.*$/m, ""), /\S/);
    assert.doesNotMatch(stdout, /Lua Error|Malformed Packet: chisme/);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The values of fields, one record a datagram. Fails if there is an error in Lua. */
export async function fieldsOf<Field extends string>(
  datagrams: readonly Captured[], fields: readonly Field[], options: readonly string[] = [],
): Promise<Record<Field, string[]>[]> {
  const text = await tshark(datagrams, [
    ...options, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|", "-E", "separator=/t",
    ...fields.flatMap((field) => ["-e", field]), "-e", "_ws.lua.error",
  ]);
  const lines = text.split("\n").slice(0, -1);
  assert.equal(lines.length, datagrams.length);
  return lines.map((line) => {
    const columns = line.split("\t");
    assert.deepEqual(columns.slice(fields.length).filter((column) => column !== ""), []);
    const values = fields.map((field, i) => [field, columns[i] === "" ? [] : columns[i].split("|")]);
    return Object.fromEntries(values) as Record<Field, string[]>;
  });
}
