import { readings } from "chisme/sensors";
import { whenJoined } from "node";
import { sensors } from "sensor";
import Time from "time";
import Timer from "timer";
import { startThermometer } from "./app.js";

const READING_MS = 30000;

whenJoined((options) => {
  const gossip = startThermometer(options, (text) => trace(`${text}\n`));
  const measured = readings({ sensors: sensors(), thresholds: { temp: 0.25 } });
  const measure = () => measured.update(Time.ticks, (value) => gossip.push(value));
  measure();
  Timer.repeat(measure, READING_MS);
  return gossip;
});
