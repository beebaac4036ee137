/** What a JavaScript engine under test runs: JSON as chisme writes and reads it. Each answer is one line. */
import { decodeCbor } from "../../src/cbor/cbor.js";
import { jsonText } from "../../src/cbor/json-text.js";
import { RowData } from "../../src/engine/table/rows.js";
import { decimalText } from "../../src/espgossip/decimal.js";
import { EspGossip, networkStateJson } from "../../src/espgossip/index.js";
import { StateReader } from "../../src/espgossip/state-reader.js";
import type { CborValue } from "../../src/gossip.js";

export const verbs: Record<string, (rest: string) => string> = {
  text: (rest) => jsonText(valueOf(rest)) ?? "",
  stringify: (rest) => JSON.stringify(valueOf(rest)),
  state: (rest) => networkStateJson({
    id: 1, rows: () => [
      {
        id: 1, address: "10.0.0.1", port: 5000, revision: 0, heartbeat: 0, state: "up",
        data: valueOf(rest),
      },
    ],
  }),
  datagram: (rest) => sentBy(valueOf(rest)).datagram,
  facade: (rest) => sentBy(valueOf(rest)).state,
  read: (rest) => dataOf(rest),
  decimal: (rest) => bitsOf(Number(decimalText(rest))),
  number: (rest) => bitsOf(Number(rest)),
  print: (rest) => String(new DataView(bytesOf(rest).buffer).getFloat64(0)),
};

/** The value whose CBOR is given in hexadecimal digits. */
function valueOf(hex: string): CborValue {
  const bytes = bytesOf(hex);
  const result = decodeCbor(bytes, 0, bytes.length);
  if (!result.ok) throw new Error(`no CBOR: ${hex}`);
  return result.value;
}

/** What a board of ESPGossip's dialect sends when it shares a value, and the network state it then gives. */
function sentBy(value: CborValue): { datagram: string; state: string } {
  let datagram = "";
  const node = new EspGossip({
    socket: {
      bind: () => undefined,
      send: (bytes, length) => {
        datagram = "";
        for (let i = 0; i < length; i++) datagram += String.fromCharCode(bytes[i]);
      },
      ownAddress: () => 0x0a000001, deviceId: () => 0x0a000001, close: () => undefined,
    },
    clock: { nowMs: () => 0, setTimer: () => 1, clearTimer: () => undefined },
  });
  node.setConfig({ seedList: ["10.0.0.2"] });
  node.start();
  node.pushGossip(value);
  return { datagram, state: node.getNetworkState() };
}

/** A row's data as the reader makes it of JSON, as hexadecimal CBOR; the drop reason when it is refused. */
function dataOf(json: string): string {
  const text = `{"type":"SYN","1.2.3.4":{"revision":1,"heartbeat":2,"state":0,"data":${json}}}`;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const reader = new StateReader(true);
  const refused = reader.parse(bytes, bytes.length);
  if (refused !== 0) return `refused ${refused}`;
  const row = new RowData();
  const out = new Uint8Array(255);
  reader.rewind();
  reader.nextRow(row);
  const dropped = reader.readData(row, out);
  return dropped !== 0 ? `dropped ${dropped}` : hexOf(out, row.valueLength);
}

function bitsOf(number: number): string {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, number);
  return hexOf(bytes, 8);
}

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function hexOf(bytes: Uint8Array, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}

(globalThis as { harness?: unknown }).harness = {
  line(text: string): string {
    const at = text.indexOf(" ");
    return verbs[text.slice(0, at)](text.slice(at + 1));
  },
};
