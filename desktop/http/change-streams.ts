import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { FeedEvent } from "../../src/gossip.js";
import type { ChangeFeed, ChangeKind, NodeChanges } from "../control/changes.js";
import { bytesAsHex, plainEvent } from "../control/json.js";
import { FOLLOW_BYTES_MAX } from "../control/protocol.js";
import type { EventRing } from "./event-ring.js";
import { HttpProblem } from "./problem.js";

/** Streams at one time. */
export const STREAMS_MAX = 16;
/** A stream without changes gets a comment so often. */
const KEEP_ALIVE_MS = 15000;

/** The changes of a network as server-sent events, to at most 16 clients. */
export class ChangeStreams {
  private readonly streams = new Set<Stream>();
  private readonly ring: EventRing;
  private readonly held: () => FeedEvent[];
  private readonly stopListening: () => void;
  private readonly timer: NodeJS.Timeout;

  /**
   * @param ring to which this adds each event
   * @param held the events that the network holds after a reset
   */
  constructor(changes: ChangeFeed, ring: EventRing, held: () => FeedEvent[]) {
    this.ring = ring;
    this.held = held;
    this.stopListening = changes.listen((kind, change) => this.changed(kind, change));
    this.timer = setInterval(() => this.keepAlive(), KEEP_ALIVE_MS).unref();
  }

  /** @throws HttpProblem when there are 16 streams */
  open(response: ServerResponse, headers: OutgoingHttpHeaders): void {
    if (this.streams.size >= STREAMS_MAX) {
      throw new HttpProblem(503, `${STREAMS_MAX} clients follow changes, the most`, { "retry-after": "15" });
    }
    response.writeHead(200, headers);
    const stream = new Stream(response);
    this.streams.add(stream);
    response.on("close", () => this.streams.delete(stream));
    stream.send("start", { last: this.ring.last });
  }

  close(): void {
    clearInterval(this.timer);
    this.stopListening();
    for (const stream of this.streams) stream.end();
  }

  private changed(kind: ChangeKind, change: NodeChanges[ChangeKind]): void {
    // What a recording has is for those who may read the control socket.
    if (kind === "datagram" || kind === "input") return;
    if (kind === "reset") {
      this.ring.clear();
      for (const event of this.held()) this.ring.add(event);
    }
    const data = kind !== "event" ? change
      : { number: this.ring.add(change as NodeChanges["event"]), ...plainEvent(change as NodeChanges["event"]) };
    for (const stream of this.streams) stream.send(kind, data);
  }

  private keepAlive(): void {
    for (const stream of this.streams) stream.keepAlive();
  }
}

class Stream {
  private readonly response: ServerResponse;
  private skipped = 0;

  constructor(response: ServerResponse) {
    this.response = response;
    response.on("drain", () => {
      const count = this.skipped;
      this.skipped = 0;
      if (count > 0) this.send("skipped", { count });
    });
  }

  /** Sends a change, or counts it where the client reads too slowly. */
  send(event: string, data: object): void {
    if (this.skipped > 0 || this.response.writableLength > FOLLOW_BYTES_MAX) this.skipped++;
    else this.response.write(`event: ${event}\ndata: ${JSON.stringify(data, bytesAsHex)}\n\n`);
  }

  /** A client that reads nothing gets none: its connection ends for want of traffic. */
  keepAlive(): void {
    if (this.response.writableLength === 0) this.response.write(":\n\n");
  }

  end(): void {
    this.response.end();
  }
}
