import { DEFAULT_ADDRESS } from "../http/guard.js";
import { ConfigError, type LoadedConfig, type Override, loadConfig } from "../gateway/config.js";
import { Gateway } from "../gateway/gateway.js";
import { GatewayLog } from "../gateway/gateway-log.js";
import { writeInitialConfig } from "../gateway/initial-config.js";

const STOP_MS = 4500;
const CONFIG_STATUS = 2;

export interface GatewayFlags {
  init?: true;
  check?: true;
  storage?: string;
  listen?: string;
  seed?: string[];
  name?: string;
  signed?: true;
  owner?: string;
  sqlite?: string;
  http?: string | true;
  mqtt?: string;
  homeAssistant?: true;
}

/**
 * Runs a gateway, or what the flags ask for in its place. Sets the exit status of the process.
 *
 * It is loaded only where it is needed: databases and brokers take as long to load as all other commands together.
 */
export async function runGateway(file: string | undefined, flags: GatewayFlags): Promise<void> {
  try {
    await run(file, flags);
  } catch (error) {
    const isConfig = error instanceof ConfigError;
    for (const line of (error as Error).message.split("\n")) process.stderr.write(`error: ${line}\n`);
    process.exitCode = isConfig ? CONFIG_STATUS : 1;
  }
}

async function run(file: string | undefined, flags: GatewayFlags): Promise<void> {
  if (flags.init) {
    if (file === undefined) throw new ConfigError("--init: needs the name of a file, such as gateway.yaml");
    writeInitialConfig(file);
    process.stdout.write(`${file} is written; look through it, then: chisme gateway ${file}\n`);
    return;
  }
  const load = (): LoadedConfig => loadConfig(file, overridesOf(flags));
  const loaded = load();
  const log = new GatewayLog();
  if (flags.check) {
    new Gateway(loaded, log, () => undefined).check();
    process.stdout.write(`${file ?? "flags"}: ok\n`);
    return;
  }
  await new GatewayProcess(new Gateway(loaded, log, () => process.emit("SIGTERM")), log, load).run();
}

/** The gateway in this process, and its signals. */
class GatewayProcess {
  private readonly gateway: Gateway;
  private readonly log: GatewayLog;
  private readonly load: () => LoadedConfig;
  /** Reloads and the end come one after the other. */
  private last: Promise<void> = Promise.resolve();
  private isEnding = false;

  constructor(gateway: Gateway, log: GatewayLog, load: () => LoadedConfig) {
    this.gateway = gateway;
    this.log = log;
    this.load = load;
  }

  async run(): Promise<void> {
    process.on("SIGHUP", () => this.queue(() => this.reload()));
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.end());
    this.queue(async () => {
      await this.gateway.start();
      process.stdout.write(`gateway: ${this.gateway.describe()}\n`);
    });
    return this.last;
  }

  private queue(run: () => Promise<void>): void {
    if (!this.isEnding) this.last = this.last.then(run);
  }

  private async reload(): Promise<void> {
    const log = this.log.part("gateway");
    try {
      await this.gateway.reload(this.load());
      process.stdout.write(`gateway: reloaded, ${this.gateway.describe()}\n`);
    } catch (error) {
      for (const line of (error as Error).message.split("\n")) log.warn(line);
      log.warn("the new configuration is refused, the old one stays");
    }
  }

  private end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    const log = this.log.part("gateway");
    // What hangs must not keep the process.
    setTimeout(() => {
      log.warn("not all parts ended in time");
      process.exit(1);
    }, STOP_MS).unref();
    void this.last.catch(() => undefined).then(() => this.gateway.close()).then((isWritten) => {
      log.info("ended");
      process.exit(isWritten ? 0 : 1);
    });
  }
}

function overridesOf(
  { storage, listen, seed, name, signed, owner, sqlite, http, mqtt, homeAssistant }: GatewayFlags,
): Override[] {
  const all: Override[] = [
    { flag: "--storage", path: ["storage"], value: storage },
    { flag: "--listen", path: ["node", "listen"], value: listen },
    { flag: "--seed", path: ["node", "seed"], value: seed },
    { flag: "--name", path: ["node", "name"], value: name },
    { flag: "--signed", path: ["node", "signed"], value: signed },
    { flag: "--owner", path: ["node", "owner"], value: owner },
    { flag: "--sqlite", path: ["sqlite", "file"], value: sqlite },
    { flag: "--http", path: ["http", "listen"], value: http === true ? DEFAULT_ADDRESS : http },
    { flag: "--mqtt", path: ["mqtt", "url"], value: mqtt },
    { flag: "--home-assistant", path: ["mqtt", "homeAssistant"], value: homeAssistant },
  ];
  return all.filter(({ value }) => value !== undefined);
}
