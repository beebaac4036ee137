import { ModdableSerialPort, type ModdableSerialOptions } from "chisme/platform/moddable-serial";
import config from "mc/config";
import { ProvisioningConsole, type ConsoleTarget } from "./console.js";

/** More than the longest answer, `help`. */
const WAITING_BYTES = 1024;

/**
 * Opens the console on the UART that the configuration names: `consoleReceive`, `consoleTransmit` (pins),
 * `consolePort`, `consoleBaud`; in the simulator `consoleDevice`. There is no console if none is named. A debug build
 * uses the first UART for xsbug, so that the console is in release builds only, or on another UART.
 */
export function openConsole(target: ConsoleTarget): void {
  const options: ModdableSerialOptions = { baud: Number(config.consoleBaud ?? 115200) };
  if (config.consoleDevice !== undefined) options.device = String(config.consoleDevice);
  else if (config.consoleReceive === undefined && config.consolePort === undefined) return;
  if (config.consolePort !== undefined) options.port = Number(config.consolePort);
  if (config.consoleReceive !== undefined) options.receive = Number(config.consoleReceive);
  if (config.consoleTransmit !== undefined) options.transmit = Number(config.consoleTransmit);
  try {
    const port = new ModdableSerialPort(options, WAITING_BYTES);
    const lines = new ProvisioningConsole(target, (line) => {
      try {
        port.write(Uint8Array.from(line, (character) => character.charCodeAt(0) & 0x7f), line.length);
      } catch {
        // Nobody reads the line.
      }
    });
    port.open((bytes, length) => lines.receive(bytes, length));
  } catch (error) {
    trace(`console: ${(error as Error).message}\n`);
  }
}
