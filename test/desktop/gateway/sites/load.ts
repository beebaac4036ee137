import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../gateway-process.js";
import { manage, startCluster } from "./nats-server.js";
import { Site, type SiteGateway } from "./site.js";

const TOPIC = "load";
const NODES = 20;
const GATEWAYS = 2;
/** Events of a site that its gateways may still lack: far less than the event buffers hold. */
const AHEAD_MAX = 2000;
const EVENT_BUFFER_BYTES = 4194304;

export interface LoadResult {
  events: number;
  seconds: number;
  /** What came twice, and what came behind a later one of its author, in all databases. */
  lost: number;
  twice: number;
  reordered: number;
  /** Of the stream, at the end: those that were published beyond the window of duplicates are there twice. */
  messages: number;
  bytes: number;
  warnings: string[];
}

/**
 * Two sites of 20 nodes and two gateways each, at three servers that hold the stream together. Each node logs the same
 * number of events. The leader of the stream is killed after a third, and comes back after two thirds.
 *
 * @param events of both sites together, a multiple of 40
 */
export async function runLoad(events: number, tell: (line: string) => void): Promise<LoadResult> {
  const perNode = events / NODES / 2;
  assert.ok(Number.isInteger(perNode), "events must be a multiple of 40");
  const servers = await startCluster();
  const urls = servers.map(({ url }) => url);
  const lines = `  servers: ${JSON.stringify(urls)}\n  replicas: 3\n`;
  const sites = ["north", "south"].map((name) => new Site(name, GATEWAYS, lines));
  const gateways = await Promise.all(sites.flatMap((site) => site.gateways.map((gateway) => gateway.spawn())));
  for (const site of sites) site.addNodes(NODES, EVENT_BUFFER_BYTES);
  const { manager } = await manage(urls);
  // While the servers choose a leader or the computer is slow, a request may get no answer.
  const leaderOf = async (): Promise<string> => {
    let leader: string | undefined;
    await eventually("the stream has a leader", async () => {
      leader = await manager.streams.info("chisme").then(({ cluster }) => cluster?.leader, () => undefined);
      return leader !== undefined && leader !== "";
    });
    return leader ?? "";
  };
  await leaderOf();
  const startMs = performance.now();
  const publishing = Promise.all(sites.map((site) => publish(site, perNode)));
  const arrived = (): number => Math.min(...sites.flatMap(({ gateways }) => gateways.map(foreignCount)));
  const half = events / 2;
  const until = async (what: string, count: number): Promise<void> => {
    let before = -1;
    while (before < count) {
      // However long it takes: it waits in vain only where nothing comes any more.
      await eventually(`${what}: more than ${before} events of ${count} are there`, () => arrived() > before);
      before = arrived();
      const passed = ((performance.now() - startMs) / 1000).toFixed(0);
      tell(`${passed} s: ${before} of ${half} events are at each gateway of the other site`);
      await sleep(500);
    }
  };
  await until("a third", Math.floor(half / 3));
  const leader = await leaderOf();
  const victim = servers[Number(leader.slice(1)) - 1];
  await victim.kill();
  tell(`killed ${leader}, the leader of the stream`);
  await until("two thirds", Math.floor(half * 2 / 3));
  await victim.start();
  tell(`${leader} is back`);
  await publishing;
  await until("all", half);
  const seconds = (performance.now() - startMs) / 1000;
  await leaderOf();
  const { state } = await manager.streams.info("chisme");
  const counts = sites.flatMap(({ gateways }) => gateways.map((gateway) => faultsOf(gateway, perNode)));
  const sum = (name: "lost" | "twice" | "reordered"): number => counts.reduce((all, one) => all + one[name], 0);
  return {
    events, seconds, lost: sum("lost"), twice: sum("twice"), reordered: sum("reordered"),
    messages: state.messages, bytes: state.bytes,
    warnings: gateways.flatMap(({ stderr }) => stderr.split("\n")).filter((line) => /^warning/.test(line)),
  };
}

function foreignCount(gateway: SiteGateway): number {
  return gateway.count(`events WHERE site <> 0 AND topic = '${TOPIC}'`);
}

async function publish({ nodes, gateways }: Site, perNode: number): Promise<void> {
  for (let number = 0; number < perNode; number++) {
    for (const node of nodes) node.log(TOPIC, number);
    if (number % 10 > 0) continue;
    await sleep(20);
    const published = (number + 1) * nodes.length;
    await eventually("the gateways keep up", () => gateways.every((gateway) =>
      published - gateway.count(`events WHERE site = 0 AND topic = '${TOPIC}'`) < AHEAD_MAX));
  }
}

/** Counts in the database: of each site and author, the values are 0, 1, 2 and so on. */
function faultsOf(gateway: SiteGateway, perNode: number): { lost: number; twice: number; reordered: number } {
  const [{ there, different, reordered }] = gateway.rows<{ there: number; different: number; reordered: number }>(`
    WITH load AS (
      SELECT site, author, CAST(value AS INTEGER) AS value,
        max(CAST(value AS INTEGER)) OVER (PARTITION BY site, author ORDER BY number) AS highest
      FROM events WHERE topic = '${TOPIC}'
    )
    SELECT count(*) AS there, count(DISTINCT format('%d %d %d', site, author, value)) AS different,
      coalesce(sum(value < highest), 0) AS reordered
    FROM load`);
  return { lost: perNode * NODES * 2 - different, twice: there - different, reordered };
}
