import type { EngineEvent, NodeEngine } from "../../src/engine/index.js";

/** The longest datagram that any option allows. */
const DATAGRAM_BYTES_MAX = 1600;

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
  const out = { bytes: new Uint8Array(DATAGRAM_BYTES_MAX), length: 0, address: 0, port: 0 };
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
export function takeNotifications(engine: NodeEngine): EngineEvent[] {
  const out = { kind: 0, slot: 0 };
  const notifications: EngineEvent[] = [];
  while (engine.pollNotification(out)) {
    if (notifications.length === 4 * engine.rows.capacity + 8) throw new Error("the notifications do not end");
    notifications.push({ ...out });
  }
  return notifications;
}
