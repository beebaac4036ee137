import TCP from "embedded:io/socket/tcp";
import type { Connect } from "./http-get.js";

/** TCP connections of the SDK. */
export const connectTcp: Connect = (address, port, handlers) => {
  let isConnected = false;
  const socket = new TCP({
    address,
    port,
    format: "buffer",
    onReadable: () => {
      const bytes = socket.read();
      if (typeof bytes === "object") handlers.onBytes(new Uint8Array(bytes));
    },
    onWritable: () => {
      if (isConnected) return;
      isConnected = true;
      handlers.onConnected();
    },
    onError: () => handlers.onClosed(),
  });
  return {
    write: (bytes) => socket.write(bytes.buffer),
    close: () => socket.close(),
  };
};
