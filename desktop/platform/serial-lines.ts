import { integer, show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import { MediaSocket } from "../../src/platform/media-socket.js";
import { SerialBusMedium } from "../../src/platform/serial-bus-medium.js";
import { SerialMedium } from "../../src/platform/serial-medium.js";
import type { GossipSocket, GossipStorage, Platform } from "../../src/platform/types.js";
import { randomId } from "./random-id.js";
import { SerialDevice, parseSerial } from "./serial-device.js";

/** Serial lines that a node may have. */
const SERIAL_MAX = 8;
const SERIAL_BYTES = 600;

/** The options about serial lines, and those that exclude or decide them. */
export interface SerialOptions {
  serial?: string[] | undefined;
  serialBytesMax?: number | undefined;
  udp?: boolean | undefined;
  socket?: GossipSocket;
  id?: number;
  storage?: GossipStorage;
}

/**
 * A socket over serial lines and, unless `udp` is false, UDP; undefined without serial lines.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option
 */
export function serialLines(
  options: SerialOptions, platform: Platform,
): { socket: MediaSocket; devices: SerialDevice[] } | undefined {
  const { serial, udp, socket } = options;
  if (udp !== undefined && typeof udp !== "boolean") {
    throw invalid("", "udp", `${show(udp)} is neither true nor false`, false);
  }
  if (serial === undefined) {
    if (udp === false) throw invalid("", "udp", "nothing can be reached without the option serial", true);
    if (options.serialBytesMax === undefined) return undefined;
    throw invalid("", "serialBytesMax", "has no effect without the option serial", true);
  }
  if (socket !== undefined) throw invalid("", "serial", "has no effect beside the option socket", true);
  if (!Array.isArray(serial) || serial.length < 1 || serial.length > SERIAL_MAX) {
    throw invalid("", "serial", `${show(serial)} is not an array of 1 to ${SERIAL_MAX} devices`, false);
  }
  const bytes = integer("serialBytesMax", options.serialBytesMax, SERIAL_BYTES, 128, 1472);
  const devices: SerialDevice[] = [];
  const media = serial.map((text, index) => {
    const setting = parseSerial(`serial[${index}]`, text);
    const device = new SerialDevice(setting, bytes);
    devices.push(device);
    if (setting.isBus !== true) return new SerialMedium(device, bytes);
    const { clock, randomSeed } = platform;
    return new SerialBusMedium(device, clock, { baud: setting.baud, randomSeed, datagramBytesMax: bytes });
  });
  // Over restarts the same, where the id is.
  const device = options.id ?? options.storage?.readId?.() ?? randomId();
  return { socket: new MediaSocket({ udp: udp === false ? undefined : platform.socket, media, device }), devices };
}
