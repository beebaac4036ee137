import config from "mc/config";
import { whenJoined } from "node";
import Timer from "timer";
import { startClock } from "./app.js";

let shown = "";

whenJoined((options) => {
  // A board has no time of its own: it gets that of a computer, or of a board that asks an SNTP server.
  const { gossip, tick } = startClock(options, false, Number(config.utcOffset), (text) => {
    if (text !== shown) trace(`${text}\n`);
    shown = text;
  });
  Timer.repeat(tick, 1000);
  return gossip;
});
