import type { GatewayEvent, GatewayOutput, OutputContext } from "../output.js";
import { clientOptions } from "./client-options.js";
import { writeMessage } from "./event-message.js";
import { isImported } from "./import-marks.js";
import { type Session, SitesConnection } from "./nats-connection.js";
import { SiteImport, withdrawImport } from "./site-import.js";
import { SiteReceiver } from "./site-receiver.js";
import type { SitesSection } from "./sites-section.js";
import { identityOf, subjectOf } from "./subjects.js";

const SECTION = "sites";

/**
 * Joins this site to others through a stream of NATS JetStream: publishes its events, and stores those of the others.
 * docs/SITES.md says what is promised.
 */
export class SitesOutput implements GatewayOutput {
  readonly sites = "own";
  private readonly context: OutputContext;
  private readonly site: string;
  private readonly topics: readonly string[];
  private readonly connection: SitesConnection;
  private receiver: SiteReceiver | undefined;
  private receiving = Promise.resolve();
  private importing: SiteImport | undefined;
  private wasSetBack = false;

  /** @throws Error that names what is wrong in the section */
  constructor(section: SitesSection, context: OutputContext) {
    const { site } = context;
    if (site === undefined) throw new Error("sites: this site needs a name: site");
    this.context = context;
    this.site = site;
    this.topics = section.import ?? [];
    this.connection = new SitesConnection({
      section, client: clientOptions(section, context), log: context.log,
      onSession: (session) => this.connected(session),
      onEnd: () => this.disconnected(),
    });
  }

  get readUntil(): number { return this.importing?.readUntil ?? Infinity; }

  start(): void {
    const { foreign, log } = this.context;
    if (foreign === undefined) {
      log.warn("there is no database, and without it nothing goes to other sites or comes from them");
      return;
    }
    if (this.topics.length > 0) {
      this.importing = new SiteImport({ context: this.context, foreign, site: this.site, topics: this.topics });
      this.importing.start();
    } else {
      withdrawImport(this.context);
    }
    this.connection.start();
  }

  /**
   * Of each author one event after the other, each once JetStream has stored the one before: what fails in between
   * cannot change their order, and neither can another gateway of the site.
   */
  async takeEvents(events: readonly GatewayEvent[]): Promise<void> {
    const session = await this.connection.session();
    const ofAuthors = new Map<number, GatewayEvent[]>();
    for (const event of events) {
      if (isImported(event)) continue;
      const ofAuthor = ofAuthors.get(event.author);
      if (ofAuthor === undefined) ofAuthors.set(event.author, [event]);
      else ofAuthor.push(event);
    }
    await settled([...ofAuthors.values()].map((ofAuthor) => this.publish(session, ofAuthor)));
  }

  async close(): Promise<void> {
    this.receiver?.close();
    await Promise.all([this.importing?.close(), this.connection.close(), this.receiving]);
  }

  private async publish({ jetstream, stream }: Session, events: readonly GatewayEvent[]): Promise<void> {
    for (const event of events) {
      const own = { ...event, site: this.site };
      await jetstream.publish(subjectOf(stream, own), writeMessage(event), { msgID: identityOf(own) });
    }
  }

  private async connected(session: Session): Promise<void> {
    const { context, site } = this;
    const { foreign, log } = context;
    if (foreign === undefined) return;
    const positionName = `${SECTION} ${session.stream} ${session.created}`;
    const position = foreign.position(positionName);
    if (position === undefined || position > session.lastSequence) {
      // A stream that is new here, or that was set back: it may lack what was published to the one before.
      if (position !== undefined) this.checkSetBack(session.lastSequence, position);
      context.restart();
      await foreign.add([], { name: positionName, number: 0 });
    }
    this.receiver = new SiteReceiver({
      session, site, foreign, positionName, log, onStored: (events) => this.importing?.stored(events),
    });
    this.receiving = this.receiver.run().then(() => session.connection.close());
    this.importing?.connected(true);
    context.retry();
  }

  /** A server that has just become the leader may not know the end yet: only the second time it counts. */
  private checkSetBack(last: number, position: number): void {
    const message = `the stream ends with number ${last}, and had ${position} before: it was set back`;
    this.wasSetBack = !this.wasSetBack;
    if (this.wasSetBack) throw new Error(message);
    this.context.log.warn(`${message}, and all is published and read again`);
  }

  private disconnected(): void {
    this.receiver?.close();
    this.importing?.connected(false);
  }
}

/** Waits for all, so that none is left behind, and then throws what the first one threw. */
async function settled(promises: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}
