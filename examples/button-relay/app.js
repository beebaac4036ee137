import { Gossip } from "chisme";
import { messages } from "chisme/messages";
import { relay } from "chisme/relay";

/** Enough for messages as short as these; the same in all nodes, as each of them passes messages on. */
const MESSAGES = { queue: 4, messageBytesMax: 64, senders: 8 };

/**
 * A node with a relay, which messages of other nodes switch. All nodes see in its row whether it is on.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, the name of the relay, seeds
 * @param {(isOn: boolean) => void} write sets the pin of the relay
 */
export function startRelay(options, write) {
  const output = relay({ write, onChange: (isOn) => gossip.push({ relay: isOn }) });
  const gossip = new Gossip({
    ...options,
    messages: messages({ ...MESSAGES, onMessage: (message) => void output.receive(message) }),
  });
  gossip.start();
  gossip.push({ relay: output.isOn });
  return gossip;
}

/**
 * A node with a button and a lamp, which shows what the relay says of itself.
 *
 * @param {import("chisme").GossipOptions} options platform, storage, name, seeds
 * @param {string} relayName
 * @param {(isOn: boolean) => void} setLamp called when the relay was switched, by whomever
 */
export function startButton(options, relayName, setLamp) {
  const gossip = new Gossip({
    ...options,
    messages: messages(MESSAGES),
    onUpdate: (rows) => {
      for (const { name, data } of rows) {
        if (name === relayName) setLamp(/** @type {{ relay?: boolean } | undefined} */ (data)?.relay === true);
      }
    },
  });
  gossip.start();
  return gossip;
}

/**
 * The button was pressed.
 *
 * @param {Gossip} gossip
 * @param {string} relayName
 * @param {(outcome: import("chisme").MessageOutcome) => void} onOutcome "delivered" when the relay has switched
 */
export function pressButton(gossip, relayName, onOutcome) {
  gossip.send(relayName, "relay", "toggle", { onOutcome });
}
