import type { GossipSocket } from "../../src/platform/types.js";

/** Sees the datagrams of a socket. Bytes are valid during the call. Addresses are uint32. */
export interface SocketTap {
  /** A datagram was handed to the system. */
  sent(bytes: Uint8Array, length: number, address: number, port: number): void;
  /** A datagram arrived. @param deliver hands it to the node, and must be called once */
  received(bytes: Uint8Array, length: number, address: number, port: number, deliver: () => void): void;
}

/** Lets a tap see all datagrams of a socket that is not bound yet. */
export function tapSocket(socket: GossipSocket, tap: SocketTap): void {
  const bind = socket.bind.bind(socket);
  const send = socket.send.bind(socket);
  socket.bind = (port, onDatagram, onError) => bind(port, (bytes, length, address, from) => {
    tap.received(bytes, length, address, from, () => onDatagram(bytes, length, address, from));
  }, onError);
  socket.send = (bytes, length, address, port) => {
    send(bytes, length, address, port);
    tap.sent(bytes, length, address, port);
  };
}
