import type { Notification, NodeEngine } from "../../src/engine/index.js";
import { PORT } from "./engine-options.js";

/** The longest datagram that any option allows. */
const DATAGRAM_BYTES_MAX = 1600;

/** A datagram in JSON, of the shortest length that an engine answers. */
export const JSON_DATAGRAM = new Uint8Array(12).fill(0x7b);

/** One for all: fuzzing takes outputs a million times. */
const out = { bytes: new Uint8Array(DATAGRAM_BYTES_MAX), length: 0, address: 0, port: 0 };

/** A datagram that an engine wants to send. */
export interface SentDatagram {
  to: number;
  port: number;
  bytes: Uint8Array;
}

/**
 * Takes all datagrams that an engine wants to send.
 *
 * @throws when there are more than `datagramsMax`
 */
export function takeDatagrams(engine: NodeEngine, datagramsMax = Infinity): SentDatagram[] {
  const datagrams: SentDatagram[] = [];
  while (engine.pollTransmit(out)) {
    if (datagrams.length === datagramsMax) throw new Error(`one input caused more than ${datagramsMax} datagrams`);
    datagrams.push({ to: out.address, port: out.port, bytes: out.bytes.slice(0, out.length) });
  }
  return datagrams;
}

/**
 * Takes all notifications of an engine.
 *
 * @throws when there are more than four for each row that the engine can hold, and eight
 */
export function takeNotifications(engine: NodeEngine): Notification[] {
  const notification = { kind: 0, slot: 0, detail: 0 };
  const notifications: Notification[] = [];
  while (engine.pollNotification(notification)) {
    if (notifications.length === 4 * engine.rows.capacity + 8) throw new Error("the notifications do not end");
    notifications.push({ ...notification });
  }
  return notifications;
}

/** A SYN without sections: what an engine sends to the source of a datagram in JSON. */
export function bareSyn(engine: NodeEngine, nowMs: number, address = 250): Uint8Array {
  engine.receive(nowMs, address, PORT, JSON_DATAGRAM, JSON_DATAGRAM.length);
  return takeDatagrams(engine)[0].bytes;
}
