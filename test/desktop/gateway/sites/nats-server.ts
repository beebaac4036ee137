import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect } from "@nats-io/transport-node";
import { freshFolder, freshPort } from "../../cli/node-process.js";
import { eventually } from "../gateway-process.js";

const servers = new Set<NatsServer>();
const connections = new Set<NatsConnection>();

/** For `before`: skips the tests where Debian's nats-server is missing; in CI it fails. */
export function requireNats(context: Mocha.Context): void {
  try {
    execFileSync("nats-server", ["--version"], { stdio: "ignore" });
  } catch {
    if (process.env.CI === "true") assert.fail("nats-server is missing");
    process.stderr.write("skipped: nats-server is missing\n");
    context.skip();
  }
}

/** For `afterEach`. */
export async function endNats(): Promise<void> {
  await Promise.all([...connections].map((connection) => connection.close()));
  connections.clear();
  await Promise.all([...servers].map((server) => server.kill()));
}

export interface NatsServerOptions {
  name?: string;
  /** Where it listens: 127.0.0.1 by default. */
  address?: string;
  /** Further lines of its configuration. */
  lines?: string;
}

/** A nats-server of its own on a free port, with configuration and data in a temporary folder. */
export class NatsServer {
  readonly port = freshPort();
  readonly folder = freshFolder();
  private readonly lines: string;
  private readonly name: string;
  private readonly address: string;
  private child: ChildProcess | undefined;

  constructor({ name = "n1", address = "127.0.0.1", lines = "" }: NatsServerOptions = {}) {
    this.name = name;
    this.address = address;
    this.lines = lines;
  }

  get url(): string { return `nats://${this.address}:${this.port}`; }

  get pid(): number { return this.child?.pid ?? 0; }

  /** @param lines in place of those of the constructor */
  async start(lines = this.lines): Promise<this> {
    const file = join(this.folder, "nats.conf");
    writeFileSync(file, `listen: "${this.address}:${this.port}"\nserver_name: ${this.name}\n`
      + `jetstream { store_dir: "${this.folder}/data" }\n${lines}\n`);
    const child = spawn("nats-server", ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    let stderr = "";
    child.stderr.on("data", (text: Buffer) => {
      stderr = (stderr + text.toString()).slice(-20000);
    });
    servers.add(this);
    await eventually("nats-server is ready", () => {
      assert.equal(child.exitCode, null, `nats-server ended: ${stderr}`);
      return stderr.includes("Server is ready");
    });
    return this;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    servers.delete(this);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "close");
  }
}

/** Three servers that hold streams together. */
export async function startCluster(): Promise<NatsServer[]> {
  const ports = [freshPort(), freshPort(), freshPort()];
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const all = ports.map((port, place) => new NatsServer({
    name: `n${place + 1}`, lines: `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
  }));
  await Promise.all(all.map((server) => server.start()));
  return all;
}

/** A look at the servers from outside. */
export async function manage(
  urls: string[], options: { user?: string; pass?: string } = {},
): Promise<{ connection: NatsConnection; manager: JetStreamManager }> {
  const connection = await connect({ servers: urls, maxReconnectAttempts: -1, reconnectTimeWait: 200, ...options });
  connections.add(connection);
  return { connection, manager: await jetstreamManager(connection, { checkAPI: false }) };
}
