import { setOutput } from "output";
import { whenJoined } from "node";
import { startAlarm } from "./app.js";

whenJoined((options) => startAlarm(options, (name) => {
  trace(`${name} is down\n`);
  setOutput(true);
}, () => setOutput(false)));
