import { formatAddress, parseAddress } from "../engine/wire/address.js";

/** Settings for `setConfig`. */
export interface GossipConfig {
  /** Seeds as dotted IPv4 addresses. Without any, the node broadcasts. */
  seedList?: string[];
  /** 100 to 3,600,000 ms; 15,000 by default as in the reference, whose documentation says 10,000. */
  roundInterval?: number;
  /** UDP port of all nodes, 1 to 65,535: 5000 by default. */
  comPort?: number;
  /** Whether debug messages are output: false by default. */
  debug?: boolean;
  /** Receives the debug messages. */
  debugOutput?: (message: string) => void;
}

/** The settings of a Lua script. A valid setting replaces the default; an invalid one causes a debug message. */
export class LuaConfig {
  seedList: number[] = [];
  roundInterval = 15000;
  comPort = 5000;
  private isDebugging = false;
  private output: ((message: string) => void) | undefined;

  set(config: GossipConfig): void {
    if (typeof config !== "object" || config === null) {
      this.debug(`setConfig: ${String(config)} is not a table of settings`);
      return;
    }
    // First, so that debug messages about the other settings are output.
    this.setDebug(config);
    const names = Object.keys(config);
    for (let i = 0; i < names.length; i++) {
      const value = (config as Record<string, unknown>)[names[i]];
      if (value !== undefined) this.setOne(names[i], value);
    }
  }

  seedTexts(): string[] {
    const texts: string[] = [];
    for (let i = 0; i < this.seedList.length; i++) texts.push(formatAddress(this.seedList[i]));
    return texts;
  }

  debug(message: string): void {
    if (!this.isDebugging || this.output === undefined) return;
    try {
      this.output(message);
    } catch {
      // A throwing `debugOutput` must not disturb the node: it is not called again.
      this.isDebugging = false;
    }
  }

  private setDebug(config: GossipConfig): void {
    if (typeof config.debug === "boolean") this.isDebugging = config.debug;
    if (typeof config.debugOutput === "function") this.output = config.debugOutput;
  }

  private setOne(name: string, value: unknown): void {
    let good = true;
    switch (name) {
      case "seedList":
        good = Array.isArray(value);
        if (good) this.setSeeds(value as unknown[]);
        break;
      case "roundInterval":
        good = isInteger(value, 100, 3600000);
        if (good) this.roundInterval = value as number;
        break;
      case "comPort":
        good = isInteger(value, 1, 65535);
        if (good) this.comPort = value as number;
        break;
      case "debug":
        good = typeof value === "boolean";
        break;
      case "debugOutput":
        good = typeof value === "function";
        break;
      default:
        this.debug(`setConfig: there is no setting ${name}`);
    }
    if (!good) this.debug(`setConfig: ${name} is not of the right type or range and is ignored`);
  }

  private setSeeds(list: unknown[]): void {
    this.seedList = [];
    for (let i = 0; i < list.length; i++) {
      const text = list[i];
      const address = typeof text === "string" ? parseAddress(text) : -1;
      if (address > 0) this.seedList.push(address);
      else this.debug(`setConfig: seedList has ${String(text)}, which is not an IPv4 address`);
    }
  }
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Math.floor(value) === value && value >= least && value <= most;
}
