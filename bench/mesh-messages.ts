import { SimNetwork, makeTopology } from "../desktop/simulator/index.js";
import { addressOfIndex } from "../desktop/simulator/node.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { Gossip } from "../src/gossip.js";
import { messages } from "../src/messages/index.js";
import { isOfMessage } from "../test/support/message-frames.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";

const HOPS = 8;
const LOSS = 0.1;
const ROUND_MS = 1000;
/** Rounds until each node knows a way to each, and rounds with loss before the first message. */
const WARM_UP_ROUNDS = 100;
const REST_ROUNDS = 20;
const MESSAGES = { full: 500, quick: 150 };
const TIMEOUT_MS = 10000;
/** How exactly the time of an outcome is known. */
const STEP_MS = 10;

interface Sends {
  sent: number;
  /** Until the sender knew that its message was delivered. */
  deliveredMs: number[];
  twice: number;
  /** Sent by all relays, with a message or the acknowledgement of a hop. */
  relayDatagrams: number;
}

/** Messages from one end of a line to the other, one after another. */
export const meshSend: Measurement<Sends> = {
  name: "meshSend",
  seeds: { full: 20, quick: 2 },
  nodes: HOPS + 1,
  sample(seed, isQuick) {
    const topology = makeTopology({ shape: "line", nodes: HOPS + 1 });
    const network = new SimNetwork({ seed });
    network.topology = topology;
    const arrivals: number[] = [];
    const onMessage = ({ value }: { value: unknown }): void => {
      arrivals[value as number] = (arrivals[value as number] ?? 0) + 1;
    };
    for (let node = 0; node <= HOPS; node++) {
      network.addNode({
        options: { seedList: [formatAddress(addressOfIndex(topology.parent(node)))], roundIntervalMs: ROUND_MS },
        start: (platform, storage) => {
          const gossip = new Gossip({ ...platform, storage, messages: messages({ onMessage }) });
          gossip.start();
          return gossip;
        },
      });
    }
    network.runFor(WARM_UP_ROUNDS * ROUND_MS);
    network.faults.lossProbability = LOSS;
    network.runFor(REST_ROUNDS * ROUND_MS);
    const sends: Sends = { sent: MESSAGES[isQuick ? "quick" : "full"], deliveredMs: [], twice: 0, relayDatagrams: 0 };
    network.tap = (entry) => {
      const isRelay = entry.node.index > 0 && entry.node.index < HOPS;
      if (entry.kind === "sent" && isRelay && isOfMessage(entry.bytes, entry.length)) sends.relayDatagrams++;
    };
    for (let number = 0; number < sends.sent; number++) {
      const ms = sendOnce(network, number);
      if (ms < Infinity) sends.deliveredMs.push(ms);
    }
    sends.twice = arrivals.filter((count) => count > 1).length;
    return sends;
  },
  figures(samples) {
    const sent = samples.reduce((sum, sample) => sum + sample.sent, 0);
    const times = samples.flatMap(({ deliveredMs }) => deliveredMs);
    const datagrams = mean(samples.map((sample) => sample.relayDatagrams / sample.sent / (HOPS - 1)));
    return {
      "mesh.sendDelivered.hops8loss10": rounded(100 * times.length / sent, 2),
      "mesh.sendP95Ms.hops8loss10": Math.round(percentile(times, 0.95)),
      "mesh.sendTwice.hops8loss10": samples.reduce((sum, { twice }) => sum + twice, 0),
      "mesh.relayDatagrams.hops8loss10": rounded(datagrams, 2),
    };
  },
};

/** Returns the time in ms until the sender knew that the message was delivered; Infinity when it did not. */
function sendOnce(network: SimNetwork, number: number): number {
  const [first, last] = [network.nodes[0], network.nodes[HOPS]];
  const startMs = network.nowMs;
  let outcome = "";
  first.run(() => first.gossip?.send(last.id, "bench", number, {
    timeoutMs: TIMEOUT_MS,
    onOutcome: (told) => { outcome = told; },
  }));
  while (outcome === "" && network.nowMs < startMs + 2 * TIMEOUT_MS) network.runFor(STEP_MS);
  return outcome === "delivered" ? network.nowMs - startMs : Infinity;
}
