import { Counter, Gauge, Registry } from "prom-client";
import type { GossipStatus } from "../../src/status/index.js";

const STATES = ["up", "asleep", "probed", "suspect", "down", "removed", "left"] as const;
const MESSAGE_COUNTERS = [
  "sent", "relayed", "delivered", "duplicates", "tries", "givenUp", "full", "noWay", "refused", "forged",
] as const;

/** What a node counts, for Prometheus. Each reading asks the node anew. */
export class Metrics {
  private readonly status: () => GossipStatus;
  private readonly lastEvent: () => number;
  private readonly registry = new Registry();
  private readonly info = this.gauge("info", "The node itself; always 1.", "id", "name", "version", "dialect");
  private readonly heartbeat = this.gauge("heartbeat_seconds", "Heartbeat of the node at its last statement.");
  private readonly revision = this.gauge("revision", "Starts of the node before this one.");
  private readonly nodes = this.gauge("nodes", "Rows by state, the node's own included.", "state");
  private readonly capacity = this.gauge("nodes_capacity", "Rows that the node has room for.");
  private readonly neighbours = this.gauge("neighbours", "Nodes that this one reaches directly.");
  private readonly roundTrip =
    this.gauge("neighbour_round_trip_seconds", "Smoothed time to a neighbour and back.", "id", "name");
  private readonly loss = this.gauge("neighbour_loss_ratio",
    "Share of frames to or from a neighbour that do not arrive.", "id", "name", "direction");
  private readonly datagramsSent = this.counter("datagrams_sent_total", "Datagrams that were sent.");
  private readonly datagramsReceived = this.counter("datagrams_received_total", "Datagrams that were received.");
  private readonly bytesSent = this.counter("sent_bytes_total", "Bytes of the datagrams that were sent.");
  private readonly bytesReceived = this.counter("received_bytes_total", "Bytes of the datagrams that were received.");
  private readonly sendFailures = this.counter("send_failures_total", "Datagrams that the system did not send.");
  private readonly drops =
    this.counter("drops_total", "Datagrams, rows and events that were refused, by reason.", "reason");
  private readonly messages = this.counter("messages_total", "Messages, by what became of them.", "kind");
  private readonly messagesWaiting = this.gauge("messages_waiting", "Messages that wait at this node.");
  private readonly updatesWaiting = this.gauge("updates_waiting", "Rows that still ride along on frames.");
  private readonly memory = this.gauge("memory_bytes", "Memory of tables and buffers, by use.", "use");
  private readonly events = this.counter("events_total", "Events that arrived, those held at the start included.");
  private readonly clockError =
    this.gauge("clock_error_seconds", "The most that the node's time of day may be wrong, if its source is right.");

  /** @param lastEvent number of the newest event */
  constructor(status: () => GossipStatus, lastEvent: () => number) {
    this.lastEvent = lastEvent;
    this.status = status;
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The text format of Prometheus. */
  async text(): Promise<string> {
    this.registry.resetMetrics();
    this.read();
    return this.registry.metrics();
  }

  private read(): void {
    const { node, neighbours, rows, queues, memory, stats, time } = this.status();
    const { id, name = "", version = "", dialect } = node;
    this.info.set({ id, name, version, dialect }, 1);
    this.heartbeat.set(node.heartbeat);
    this.revision.set(node.revision);
    for (const state of STATES) this.nodes.set({ state }, rows[state]);
    this.capacity.set(rows.capacity);
    this.neighbours.set(neighbours.length);
    for (const neighbour of neighbours) {
      const labels = { id: neighbour.id, name: neighbour.name ?? "" };
      const { roundTripMs, lossTo, lossFrom } = neighbour;
      if (roundTripMs !== undefined) this.roundTrip.set(labels, roundTripMs / 1000);
      if (lossTo !== undefined) this.loss.set({ ...labels, direction: "to" }, lossTo);
      if (lossFrom !== undefined) this.loss.set({ ...labels, direction: "from" }, lossFrom);
    }
    this.datagramsSent.inc(stats.datagramsSent);
    this.datagramsReceived.inc(stats.datagramsReceived);
    this.bytesSent.inc(stats.bytesSent);
    this.bytesReceived.inc(stats.bytesReceived);
    this.sendFailures.inc(stats.sendFailures);
    for (const [reason, count] of Object.entries(stats.drops)) this.drops.inc({ reason }, count);
    if (stats.messages !== undefined) {
      for (const kind of MESSAGE_COUNTERS) this.messages.inc({ kind }, stats.messages[kind]);
      this.messagesWaiting.set(stats.messages.waiting);
    }
    this.updatesWaiting.set(queues.updates);
    this.memory.set({ use: "rows" }, memory.rowBytes);
    this.memory.set({ use: "events" }, memory.eventBytes);
    this.memory.set({ use: "other" }, memory.otherBytes);
    this.events.inc(this.lastEvent());
    if (time !== undefined) this.clockError.set(time.errorMs / 1000);
    else this.clockError.remove();
  }

  private gauge<Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name: `chisme_${name}`, help, labelNames, registers: [this.registry] });
  }

  private counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `chisme_${name}`, help, labelNames, registers: [this.registry] });
  }
}
