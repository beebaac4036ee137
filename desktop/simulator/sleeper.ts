import { type CborValue, Gossip, type GossipOptions, type GossipStorage } from "../../src/gossip.js";
import { type SleepOptions, sleeping } from "../../src/sleep/index.js";
import type { NodePlatform, SimNode } from "./node.js";

export interface SimSleeperOptions {
  /** Time from the end of one waking to the next one, in seconds. 900 by default. */
  sleepSeconds?: number;
  /** Whether RAM is lost while the device sleeps, and only `kept` and its storage stay. True by default. */
  isDeep?: boolean;
  /** Virtual ms from the first start until the device sleeps for the first time. 60,000 by default. */
  firstSleepMs?: number;
  /** What the device shares at each waking, counted from 0. By default its index and the number of wakings. */
  value?: (waking: number, node: SimNode) => CborValue;
  /** Options of `Gossip` that differ from their defaults. */
  options?: Partial<GossipOptions>;
  /** Options that are made anew at each start, such as `events`. */
  makeOptions?: () => Partial<GossipOptions>;
  /** Options of `sleeping`, without `kept`. */
  sleep?: SleepOptions;
  /** Called after `push` in each waking, as to publish events. */
  onWaking?: (gossip: Gossip, waking: number) => void;
}

/** What a device adds to the time until it is back, so that its clock and the exchange have time. */
const MARGIN_SECONDS = 5;
/** A device that nobody heard tries again after so many seconds. */
const RETRY_SECONDS = 30;

/**
 * The application of a battery device: at each waking it shares a value, exchanges with one node and sleeps on. Its
 * method `start` is the option `start` of a `SimNode`. While it sleeps its radio is off.
 */
export class SimSleeper {
  /** Wakings so far. */
  wakings = 0;
  /** Wakings in which no node answered. */
  unheard = 0;
  /** Virtual ms from the begin of each waking until the radio might be off; of all wakings, and of the longest. */
  radioMs = 0;
  longestMs = 0;
  /** Datagrams and bytes that the wakings sent and received. */
  datagrams = 0;
  bytes = 0;
  /** When the first sleep began; undefined before. */
  firstSleptMs: number | undefined;
  /** Whether the device has no power. */
  isStopped = false;
  private kept: Uint8Array | undefined;
  private readonly options: SimSleeperOptions;
  /** Counts the losses of power, which end all that was planned before. */
  private lives = 0;

  constructor(options: SimSleeperOptions = {}) {
    this.options = options;
  }

  /** The option `start` of a `SimNode`. */
  readonly start = (platform: NodePlatform, storage: GossipStorage, node: SimNode): Gossip => {
    const { kept, lives, options: { options, makeOptions, sleep, firstSleepMs = 60000 } } = this;
    const gossip = new Gossip({
      ...platform, storage, ...options, ...makeOptions?.(), sleep: sleeping({ ...sleep, kept }),
    });
    gossip.start();
    node.network.schedule(kept === undefined ? firstSleepMs : 0, () => {
      if (lives === this.lives) this.waken(node);
    });
    return gossip;
  };

  /** The device never wakes up again, as with an empty battery. */
  stop(): void {
    this.isStopped = true;
    this.lives++;
  }

  /** The device loses its power at once, and with it what it kept. */
  losePower(node: SimNode): void {
    this.stop();
    this.kept = undefined;
    node.crash();
  }

  /** The device has power again, and starts anew; if it had some, nothing happens. */
  restart(node: SimNode): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    node.start();
  }

  private waken(node: SimNode): void {
    const { gossip } = node;
    if (gossip === undefined || this.isStopped) return;
    const { sleepSeconds = 900, isDeep = true, value = valueOf, onWaking } = this.options;
    const { network } = node;
    const begunMs = network.nowMs;
    const before = gossip.stats();
    const waking = this.wakings++;
    const { lives } = this;
    node.push(value(waking, node));
    node.run(() => {
      onWaking?.(gossip, waking);
      gossip.sleep(sleepSeconds + MARGIN_SECONDS, (kept, wasHeard) => {
        if (lives !== this.lives) return;
        const after = gossip.stats();
        this.kept = kept;
        this.firstSleptMs ??= network.nowMs;
        this.radioMs += network.nowMs - begunMs;
        this.longestMs = Math.max(this.longestMs, network.nowMs - begunMs);
        this.datagrams += after.datagramsSent + after.datagramsReceived - before.datagramsSent
          - before.datagramsReceived;
        this.bytes += after.bytesSent + after.bytesReceived - before.bytesSent - before.bytesReceived;
        if (!wasHeard) this.unheard++;
        const delayMs = (wasHeard ? sleepSeconds : Math.min(RETRY_SECONDS, sleepSeconds)) * 1000;
        network.schedule(0, () => {
          if (this.isStopped && node.gossip !== gossip) return;
          if (isDeep) node.crash();
          else node.unlisten();
        });
        network.schedule(delayMs, () => {
          if (lives !== this.lives) return;
          if (isDeep) node.start();
          else node.listen();
          if (!isDeep) this.waken(node);
        });
      });
    });
  }
}

function valueOf(waking: number, node: SimNode): CborValue {
  return node.index + waking / 1000;
}
