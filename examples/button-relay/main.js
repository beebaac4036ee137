import config from "mc/config";
import { watchContact } from "contact";
import { whenJoined } from "node";
import { setOutput } from "output";
import { pressButton, startButton, startRelay } from "./app.js";

const RELAY = "relay";

whenJoined((options) => {
  if (config.role === "relay") return startRelay({ ...options, name: RELAY }, setOutput);
  // The lamp is at the output's pin.
  const gossip = startButton(options, RELAY, setOutput);
  watchContact((isClosed) => {
    if (isClosed) pressButton(gossip, RELAY, (outcome) => trace(`${outcome}\n`));
  });
  return gossip;
});
