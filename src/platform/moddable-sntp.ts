import UDP from "embedded:io/socket/udp";
import Net from "net";
import Time from "time";
import Timer from "timer";
import { type SntpOptions, type SntpPlatform, SntpRequests, type SntpSocket } from "./sntp-client.js";

export type { SntpOptions } from "./sntp-client.js";

/** Options of the SNTP client on the Moddable SDK. */
export interface ModdableSntpOptions extends SntpOptions {
  /** Sets the device's clock too, to whole seconds, so that `Date` shows the time. True by default. */
  setClock?: boolean;
}

/**
 * An SNTP client on the Moddable SDK. Each answer goes to `onTime`, for `NetworkTime.set`. The SDK's own clients have
 * whole seconds only.
 */
export class SntpClient {
  private readonly requests: SntpRequests;

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(options: ModdableSntpOptions) {
    const { setClock, ...given } = options;
    this.requests = new SntpRequests(moddablePlatform(), {
      ...given,
      onTime: (ms, errorMs) => {
        if (setClock !== false) Time.set(Math.floor(ms / 1000));
        options.onTime(ms, errorMs);
      },
    });
  }

  /** Begins to ask. The network must be connected. @throws Error ERR_STATE when it was started before */
  start(): void { this.requests.start(); }

  /** Ends the requests and all callbacks. The client can be started again. */
  close(): void { this.requests.close(); }
}

function moddablePlatform(): SntpPlatform {
  return {
    nowMs: () => Time.ticks >>> 0,
    setTimer: (callback, delayMs) => Timer.set(callback, delayMs),
    clearTimer: (timer) => Timer.clear(timer as Timer),
    random: () => (Math.random() * 4294967296) >>> 0,
    resolve: (name, callback) => {
      try {
        Net.resolve(name, (_name: string, address?: string) => callback(address));
      } catch {
        // The queue of look-ups is full.
        Timer.set(() => callback(undefined));
      }
    },
    open: (onDatagram): SntpSocket => {
      let isOpen = true;
      const udp = new UDP({
        onReadable: (datagrams: number) => {
          for (let i = 0; i < datagrams && isOpen; i++) {
            const datagram = udp.read() as (ArrayBuffer & { address: string; port: number }) | undefined;
            if (datagram === undefined) return;
            onDatagram(new Uint8Array(datagram), datagram.address, datagram.port);
          }
        },
      });
      return {
        send: (bytes, address, port) => udp.write(bytes, address, port),
        close: () => {
          isOpen = false;
          (udp as unknown as { close(): void }).close();
        },
      };
    },
  };
}
