import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventFeeds } from "../../../../src/events/index.js";
import { loadConfig } from "../../../../desktop/gateway/config.js";
import { Gateway } from "../../../../desktop/gateway/gateway.js";
import { GatewayLog } from "../../../../desktop/gateway/gateway-log.js";
import { Gossip } from "../../../../desktop/platform/node.js";
import { cleanUp, freshFolder, freshPort } from "../../cli/node-process.js";
import { GatewayProcess, killGateways, sqlite } from "../gateway-process.js";
import { endNats } from "./nats-server.js";

const ROUND_MS = 200;
const sites = new Set<Site>();

/** Ends all sites, and the servers and processes that tests of them start: for `afterEach`. */
export async function endSites(): Promise<void> {
  await Promise.all([...sites].map((site) => site.close()));
  sites.clear();
  await killGateways();
  await endNats();
  await cleanUp();
}

/** A gateway of a site: its configuration, and what runs of it. */
export class SiteGateway {
  readonly folder = freshFolder();
  readonly port = freshPort();
  readonly lines: string[] = [];
  readonly id: number;
  private gateway: Gateway | undefined;
  private readonly site: string;
  private readonly sectionLines: string;
  private readonly seed: number | undefined;

  /** @param sectionLines of the section `sites` */
  constructor(site: string, id: number, sectionLines: string, seed: number | undefined) {
    this.site = site;
    this.id = id;
    this.sectionLines = sectionLines;
    this.seed = seed;
  }

  get file(): string { return join(this.folder, "readings.db"); }

  get output(): string { return this.lines.join("\n"); }

  /** @param sectionLines in place of those of the constructor */
  configuration(sectionLines = this.sectionLines): string {
    const file = join(this.folder, "gateway.yaml");
    const seed = this.seed === undefined ? "" : `, seed: ["127.0.0.1:${this.seed}"]`;
    writeFileSync(file, `site: ${JSON.stringify(this.site)}\nstorage: data\nsqlite: {file: readings.db}\n`
      + `node: {listen: "127.0.0.1:${this.port}", broadcast: none, interval: ${ROUND_MS}, id: ${this.id}, `
      + `name: gate${this.id}${seed}}\nsites:\n${sectionLines}`);
    return file;
  }

  /** In this process. */
  async start(sectionLines = this.sectionLines): Promise<this> {
    this.gateway = new Gateway(loadConfig(this.configuration(sectionLines)),
      new GatewayLog((line) => void this.lines.push(line)), () => undefined);
    await this.gateway.start();
    return this;
  }

  /** As a process of its own. */
  async spawn(): Promise<GatewayProcess> {
    return new GatewayProcess([this.configuration()]).untilStarted();
  }

  async close(): Promise<void> {
    await this.gateway?.close();
    this.gateway = undefined;
  }

  rows<Row = Record<string, unknown>>(sql: string): Row[] {
    return sqlite<Row>(this.file, sql);
  }

  count(from: string): number {
    return this.rows<{ n: number }>(`SELECT count(*) AS n FROM ${from}`)[0].n;
  }
}

/** A network of its own: gateways, and nodes in this process. */
export class Site {
  readonly name: string;
  readonly gateways: SiteGateway[] = [];
  readonly nodes: Gossip[] = [];

  /** @param sectionLines of the section `sites`: the servers and what else */
  constructor(name: string, gateways: number, sectionLines: string) {
    this.name = name;
    for (let place = 0; place < gateways; place++) {
      this.gateways.push(new SiteGateway(name, 1000 + place, sectionLines, this.gateways[0]?.port));
    }
    sites.add(this);
  }

  /** @param events bytes of the event buffer of each */
  addNodes(count: number, bytes = 1048576): Gossip[] {
    for (let place = 0; place < count; place++) {
      const gossip = new Gossip({
        listen: "127.0.0.1", port: freshPort(), seedList: this.gateways.map(({ port }) => `127.0.0.1:${port}`),
        name: `${this.name.slice(0, 8)} ${this.nodes.length}`, id: 1 + this.nodes.length, roundIntervalMs: ROUND_MS,
        broadcastAddress: "none", events: eventFeeds({ bytes }),
      });
      this.nodes.push(gossip);
      gossip.start();
    }
    return this.nodes;
  }

  async start(): Promise<this> {
    for (const gateway of this.gateways) await gateway.start();
    return this;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await Promise.all(this.gateways.map((gateway) => gateway.close()));
  }
}
