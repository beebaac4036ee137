import type { EngineOptions } from "../../src/engine/index.js";
import type { Datagram } from "../../src/engine/reconcile/outbox.js";
import { EspGossipEngine } from "../../src/espgossip/engine.js";

/** Longest datagram that a board sends. */
const BOARD_BYTES_MAX = 1472;

/**
 * A board with NodeMCU's gossip module: the dialect espgossip, which does as the
 * module does, with the limits of its JSON library. The library prints 19 digits of
 * a number and no escape for a backslash; what it cannot parse is only a sign of
 * life; a state longer than one datagram is not sent at all.
 */
export class NodeMcuEngine extends EspGossipEngine {
  /** Datagrams that were too long to be sent. */
  mute = 0;
  longestBytes = 0;
  private readonly due: Datagram[] = [];

  constructor(options: EngineOptions) {
    super({ ...options, datagramBytesMax: BOARD_BYTES_MAX }, {}, false);
  }

  override receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void {
    const text = Buffer.from(bytes.subarray(0, length)).toString();
    const isJson = text.startsWith("{") && isParsed(text);
    super.receive(nowMs, address, port, isJson ? bytes : Uint8Array.of(0x3f), isJson ? length : 1);
  }

  override pollTransmit(out: Datagram): boolean {
    const bytes = new Uint8Array(BOARD_BYTES_MAX);
    for (const sent = { ...out, bytes }; super.pollTransmit(sent);) {
      this.due.push({ ...sent, bytes: bytes.slice(0, sent.length) });
    }
    // One state in several datagrams is what chisme sends. A board has one datagram or none.
    const datagrams = this.due.splice(0);
    for (const { bytes: said, address, port } of datagrams) {
      const text = Buffer.from(print(JSON.parse(Buffer.from(said).toString())));
      if (text.length > this.longestBytes) this.longestBytes = text.length;
      if (datagrams.length > 1 || text.length > BOARD_BYTES_MAX) {
        this.mute++;
        return false;
      }
      out.bytes.set(text);
      out.length = text.length;
      out.address = address;
      out.port = port;
    }
    return datagrams.length > 0;
  }
}

function isParsed(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON as the boards' library prints it. */
export function print(value: unknown): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\\\\", "\\");
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(print).join(",")}]`;
  const members = Object.entries(value).map(([name, member]) => `${print(name)}:${print(member)}`);
  return members.length === 0 ? "[]" : `{${members.join(",")}}`;
}

/** The format %.19g of C. */
function printNumber(value: number): string {
  const [mantissa, exponent] = value.toExponential(18).split("e");
  const power = Number(exponent);
  const strip = (text: string): string => text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  if (power >= -4 && power < 19) return strip(value.toFixed(Math.max(0, 18 - power)));
  const places = String(Math.abs(power)).padStart(2, "0");
  return `${strip(mantissa)}e${power < 0 ? "-" : "+"}${places}`;
}
