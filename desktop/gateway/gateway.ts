import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { FeedEvent, NodeRow } from "../../src/gossip.js";
import type { NodeActions } from "../control/node-actions.js";
import type { NodeQueries } from "../control/node-queries.js";
import { ConfigError, type LoadedConfig, type PublisherSection } from "./config.js";
import { GatewayHttp } from "./gateway-http.js";
import type { GatewayLog, PartLog } from "./gateway-log.js";
import { GatewayNode, type GatewayNodeOptions, ROUND_MS } from "./gateway-node.js";
import { Hook } from "./hook.js";
import type { OutputMaker } from "./output.js";
import { OutputPump } from "./output-pump.js";
import { OUTPUTS } from "./outputs.js";
import { Publisher } from "./publisher.js";
import type { SecretPlace } from "./secrets.js";
import { type Store, closeStore, openStore } from "./store.js";

/** Names of parts: each hook and each publisher is one. */
const HOOK = "hook ";
const PUBLISHER = "publish ";

/** The default of `Gossip`. */
const REMOVE_AFTER_MS = 86400000;
/** What takes longer to end is cut off: the database must be written before the process ends, 4.5 s after a signal. */
const CLOSE_MS = 2200;

/** What starts and ends with its section of the configuration. Its constructor only checks. */
interface Part {
  start: () => void | Promise<void>;
  close: () => void | Promise<void>;
}

interface RunningPart {
  section: unknown;
  part: Part;
}

/** Node and database. */
interface Core {
  node: GatewayNode;
  store: Store | undefined;
  forgetting: NodeJS.Timeout;
}

/**
 * A node, its database, and what carries data out and in, as a configuration says.
 *
 * Order of an end: what brings data in, outputs, then the database with all that they and the node left, then the node.
 */
export class Gateway {
  private readonly log: GatewayLog;
  private readonly mainLog: PartLog;
  private readonly onLeave: () => void;
  private loaded: LoadedConfig;
  private core: Core | undefined;
  private parts = new Map<string, RunningPart>();
  private readonly pumps = new Set<OutputPump>();
  private readonly hooks = new Set<Hook>();

  constructor(loaded: LoadedConfig, log: GatewayLog, onLeave: () => void) {
    this.loaded = loaded;
    this.log = log;
    this.mainLog = log.part("gateway");
    this.onLeave = onLeave;
  }

  /** Looks for what the schema cannot say, such as secrets that are missing. @throws ConfigError */
  check(): void {
    this.checkOptions(this.loaded);
  }

  /** @throws ConfigError, or Error that says why the node cannot start */
  async start(): Promise<void> {
    this.check();
    const parts = this.prepare(this.loaded, new Map());
    this.core = await this.startCore(this.loaded);
    await this.startParts(parts);
  }

  /**
   * Goes on with another configuration. Only what it changes ends and starts anew.
   *
   * @throws Error that says why it was refused; then all is as before
   */
  async reload(loaded: LoadedConfig): Promise<void> {
    this.checkOptions(loaded);
    const isCoreSame = this.isCoreSame(loaded);
    const kept = isCoreSame ? this.unchangedParts(loaded) : new Map<string, RunningPart>();
    const next = this.prepare(loaded, kept);
    const before = this.loaded;
    await this.closeParts([...this.parts].filter(([name]) => !kept.has(name)).map(([, { part }]) => part));
    this.parts = kept;
    if (isCoreSame) {
      this.loaded = loaded;
      await this.startParts(next);
      return;
    }
    await this.closeCore();
    try {
      this.core = await this.startCore(loaded);
    } catch (error) {
      this.core = await this.startCore(before);
      await this.startParts(this.prepare(before, new Map()));
      throw error;
    }
    this.loaded = loaded;
    await this.startParts(next);
  }

  /** Ends all, with all written. @returns false: the database could not take all of it */
  async close(): Promise<boolean> {
    await this.closeParts([...this.parts.values()].map(({ part }) => part));
    this.parts.clear();
    return this.closeCore();
  }

  /** For a line to the operator. */
  describe(): string {
    const { node, store } = this.running();
    const { id, name, address, port } = node.ownRow();
    const parts = [...this.parts.keys()].join(", ");
    return `node ${id}${name === undefined ? "" : ` ${name}`} at ${address}:${port}, `
      + `database ${store === undefined ? "none" : store.file}${parts === "" ? "" : `, ${parts}`}`;
  }

  private checkOptions(loaded: LoadedConfig): void {
    const problems: string[] = [];
    const attempt = (run: () => unknown): void => {
      try {
        run();
      } catch (error) {
        const { message } = error as Error;
        problems.push(loaded.locate?.(message) ?? message);
      }
    };
    attempt(() => new GatewayNode({
      ...this.nodeOptions(loaded), isCheck: true, onEvent: () => undefined, onRow: () => undefined,
    }));
    for (const [name, section] of sectionsOf(loaded)) attempt(() => this.part(loaded, name, section));
    const topics = new Map<string, number>();
    loaded.config.publish?.forEach(({ topic }, place) => attempt(() => {
      const other = topics.get(topic);
      topics.set(topic, place);
      if (other === undefined) return;
      throw new Error(`publish.${place}.topic: publish.${other} has it, too: each would remove what the other sets`);
    }));
    if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  }

  private running(): Core {
    if (this.core === undefined) throw new Error("the gateway does not run");
    return this.core;
  }

  private async startCore(loaded: LoadedConfig): Promise<Core> {
    const opened: { store?: Store | undefined } = {};
    const node = new GatewayNode({
      ...this.nodeOptions(loaded), isCheck: false,
      onEvent: (event) => {
        opened.store?.writer.apply(event);
        this.eventApplied(event);
      },
      onRow: (row, isForgotten) => {
        opened.store?.writer.nodeChanged(row, isForgotten);
        this.rowChanged(row, isForgotten);
      },
    });
    const store = openStore(loaded, {
      log: this.log.part("sqlite"), onStored: () => this.eventsStored(), heldEvents: () => node.gossip.events(),
      taken: () => this.taken(),
    });
    opened.store = store;
    try {
      await node.start();
    } catch (error) {
      void node.close();
      if (store !== undefined) closeStore(store);
      const { message, syscall } = error as NodeJS.ErrnoException;
      throw new Error(`${syscall === "bind" ? "node.listen" : "storage"}: ${message}`, { cause: error });
    }
    store?.retention.start();
    const forgetting = setTimeout(() => this.forgetMissing(), loaded.config.node?.removeAfter ?? REMOVE_AFTER_MS);
    return { node, store, forgetting };
  }

  /** The number up to which all outputs have all events, also those that are about to start. */
  private taken(): number {
    const names = Object.keys(OUTPUTS).filter((name) => sectionsOf(this.loaded).has(name));
    const database = this.core?.store?.database;
    const pumps = [...this.pumps];
    return Math.min(...names.map((name) =>
      pumps.find((pump) => pump.name === name)?.taken ?? database?.position(name) ?? 0));
  }

  private nodeOptions(loaded: LoadedConfig): Pick<GatewayNodeOptions, "loaded" | "secrets" | "log" | "leave"> {
    return { loaded, secrets: this.secrets(loaded), log: this.log.part("node"), leave: this.onLeave };
  }

  private async closeCore(): Promise<boolean> {
    const { core } = this;
    this.core = undefined;
    if (core === undefined) return true;
    clearTimeout(core.forgetting);
    const closing = core.node.close();
    const isWritten = core.store === undefined || closeStore(core.store);
    await closing;
    return isWritten;
  }

  private eventApplied(event: FeedEvent): void {
    for (const hook of this.hooks) hook.eventApplied(event);
  }

  private rowChanged(row: NodeRow, isForgotten: boolean): void {
    for (const pump of this.pumps) pump.nodeChanged(row, isForgotten);
  }

  /** Nodes that the network forgot while the gateway did not run: by now they would have been heard of. */
  private forgetMissing(): void {
    const { node, store } = this.running();
    let known: NodeRow[] = [];
    try {
      known = store?.database.knownNodes() ?? [];
    } catch (error) {
      this.mainLog.warn(`nodes that the network forgot are not looked for: ${(error as Error).message}`);
    }
    for (const row of known) {
      if (node.queries.row(row.id) !== undefined) continue;
      store?.writer.nodeChanged(row, true);
      this.rowChanged(row, true);
    }
  }

  private eventsStored(): void {
    for (const pump of this.pumps) pump.eventsStored();
  }

  /** Whether node and database can go on. A section with a secret is read anew. */
  private isCoreSame(loaded: LoadedConfig): boolean {
    const ofCore = ({ config: { storage, node, sqlite } }: LoadedConfig): unknown => ({ storage, node, sqlite });
    return isDeepStrictEqual(ofCore(loaded), ofCore(this.loaded)) && !hasSecret(loaded.config.node)
      && loaded.config.node?.signed !== true
      && this.loaded.folder === loaded.folder;
  }

  private unchangedParts(loaded: LoadedConfig): Map<string, RunningPart> {
    const isSiteSame = loaded.config.site === this.loaded.config.site;
    const sections = sectionsOf(loaded);
    return new Map([...this.parts].filter(([name, { section }]) =>
      isSiteSame && isDeepStrictEqual(section, sections.get(name)) && !hasSecret(section)));
  }

  /** Makes the parts of a configuration, without those that are kept. They do nothing before they start. */
  private prepare(loaded: LoadedConfig, kept: ReadonlyMap<string, RunningPart>): Map<string, RunningPart> {
    const parts = new Map<string, RunningPart>();
    for (const [name, section] of sectionsOf(loaded)) {
      if (!kept.has(name)) parts.set(name, { section, part: this.part(loaded, name, section) });
    }
    return parts;
  }

  private part(loaded: LoadedConfig, name: string, section: object): Part {
    const log = this.log.part(name);
    const secrets = this.secrets(loaded);
    if (name === "http") return new GatewayHttp(section, () => this.running().node, secrets, log);
    const queries = (): NodeQueries => this.running().node.queries;
    if (name.startsWith(PUBLISHER)) {
      const actions = (): NodeActions => this.running().node.actions;
      return new Publisher({ section: section as PublisherSection, secrets, log, queries, actions });
    }
    if (!name.startsWith(HOOK)) return this.output(loaded, name, section, OUTPUTS[name]);
    const hook = new Hook({ topic: name.slice(HOOK.length), section, secrets, log, queries });
    return {
      start: () => {
        this.hooks.add(hook);
        hook.start();
      },
      close: () => {
        this.hooks.delete(hook);
        return hook.close();
      },
    };
  }

  private output(loaded: LoadedConfig, name: string, section: object, make: OutputMaker): Part {
    const log = this.log.part(name);
    const running = (): Core => this.running();
    let pump: OutputPump | undefined;
    const output = make(section, {
      site: loaded.config.site, log, secrets: this.secrets(loaded),
      folder: resolve(loaded.folder, loaded.config.storage),
      roundMs: loaded.config.node?.interval ?? ROUND_MS,
      get queries() { return running().node.queries; },
      get actions() { return running().node.actions; },
      get foreign() { return running().store?.foreign; },
      retry: (all) => pump?.retry(all),
      restart: () => pump?.restart(),
    });
    return {
      start: () => {
        const { node, store } = running();
        pump = new OutputPump({ name, output, log, rows: () => node.queries.rows(), store });
        this.pumps.add(pump);
        pump.start();
      },
      close: async () => {
        if (pump === undefined) return;
        await pump.close();
        this.pumps.delete(pump);
      },
    };
  }

  private async startParts(parts: ReadonlyMap<string, RunningPart>): Promise<void> {
    for (const [name, part] of parts) this.parts.set(name, part);
    await Promise.all([...parts.values()].map(async ({ part }) => part.start()));
  }

  private async closeParts(parts: readonly Part[]): Promise<void> {
    const closing = Promise.all(parts.map(async (part) => {
      try {
        await part.close();
      } catch (error) {
        this.mainLog.warn((error as Error).message);
      }
    }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.mainLog.warn("not all parts ended in time");
        resolve();
      }, CLOSE_MS);
    });
    await Promise.race([closing, late]);
    clearTimeout(timer);
  }

  private secrets({ folder }: LoadedConfig): SecretPlace {
    return { folder, hide: (secret) => this.log.hide(secret), environment: () => this.log.environment() };
  }
}

/** The sections that are parts, by name. */
function sectionsOf({ config }: LoadedConfig): Map<string, object> {
  const sections = new Map<string, object>();
  for (const [topic, section] of Object.entries(config.hooks ?? {})) sections.set(`${HOOK}${topic}`, section);
  config.publish?.forEach((section, place) => sections.set(`${PUBLISHER}${place} (${section.topic})`, section));
  for (const name of ["http", ...Object.keys(OUTPUTS)]) {
    const section = (config as unknown as Record<string, object | undefined>)[name];
    if (section !== undefined) sections.set(name, section);
  }
  return sections;
}

function hasSecret(section: unknown): boolean {
  return typeof section === "object" && section !== null
    && Object.keys(section).some((name) => /(password|token|key|secret)(File|Env)$/i.test(name));
}
