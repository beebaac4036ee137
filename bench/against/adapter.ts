import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { SimNetwork } from "../../desktop/simulator/index.js";
import type { simulate } from "../../desktop/simulator/index.js";
import type { CborValue, Gossip, GossipOptions, NodeRow } from "../../src/gossip.js";
import type { Peer } from "../pair.js";

/** The modules of a revision, under their present names. */
export interface Modules {
  readonly SimNetwork: typeof SimNetwork;
  readonly Gossip: typeof Gossip;
  readonly simulate: typeof simulate;
  readonly simulateDefaults: Omit<Parameters<typeof simulate>[0], "seed">;
  readonly Peer: typeof Peer;
}

/** The simulator was in `host-sim` until it became a part of `desktop`. */
const SIMULATORS = ["desktop/simulator/index.ts", "host-sim/index.ts"];
/** The oldest revision whose modules this adapter knows. */
const OLDEST = "7b98a7c";

/** Loads the modules of the revision in a folder. @throws Error that names what the revision lacks */
export async function loadModules(folder: string): Promise<Modules> {
  const simulator = await load(folder, SIMULATORS);
  const gossip = await load(folder, ["src/gossip.ts"]);
  const pair = await load(folder, ["bench/pair.ts"]);
  return {
    SimNetwork: named(simulator, "SimNetwork", SIMULATORS),
    Gossip: withOpen(named(gossip, "Gossip", ["src/gossip.ts"])),
    simulate: named(simulator, "simulate", SIMULATORS),
    simulateDefaults: named(simulator, "SIMULATE_DEFAULTS", SIMULATORS),
    Peer: named(pair, "Peer", ["bench/pair.ts"]),
  };
}

/** `View.bind` was `open` once. */
function withOpen(original: typeof Gossip): typeof Gossip {
  return class<Value extends CborValue> extends original<Value> {
    constructor(options: GossipOptions<Value>) {
      for (const view of options.views ?? []) {
        Object.assign(view, { open: (capacity: number) => view.bind(capacity, { value: () => undefined }) });
      }
      super(options);
    }
  };
}

async function load(folder: string, files: readonly string[]): Promise<Record<string, unknown>> {
  const file = files.find((name) => existsSync(path.join(folder, name)));
  if (file === undefined) throw lacks(files.join(" or "));
  return await import(pathToFileURL(path.join(folder, file)).href) as Record<string, unknown>;
}

function named<Value>(module: Record<string, unknown>, name: string, files: readonly string[]): Value {
  if (module[name] === undefined) throw lacks(`${name} in ${files.join(" or ")}`);
  return module[name] as Value;
}

function lacks(what: string): Error {
  return new Error(`the revision has no ${what}: only revisions from ${OLDEST} on can be measured`);
}

/** States were numbers once; 3 was DOWN, and what is above it is gone, too. */
const DOWN_NUMBER = 3;

/** Whether a row is DOWN, removed or left. */
export function isGone(state: NodeRow["state"] | number): boolean {
  if (typeof state === "number") return state >= DOWN_NUMBER;
  return state === "down" || state === "removed" || state === "left";
}

/** Makes a peer's row an update that rides along on so many frames. */
export function setTransmitsLeft(peer: Peer, id: number, transmits: number): void {
  const rows = peer.engine.rows as unknown as Record<string, (slot: number, transmits: number) => void>;
  const slot = peer.engine.rows.find(id);
  if ("setTransmitsLeft" in rows) rows.setTransmitsLeft(slot, transmits);
  else rows.setNews(slot, transmits);
}

/** The application is notified of all events of a peer. */
export function drainEvents(peer: Peer): void {
  const arena = peer.engine.feed!.feeds.arena as unknown as Record<string, () => number>;
  const next = "nextUnnotified" in arena ? "nextUnnotified" : "takeUntold";
  while (arena[next]() !== 0) continue;
}
