import { readings } from "chisme/sensors";
import config from "mc/config";
import { whenJoined } from "node";
import { kept, keptBytes, rest } from "rest";
import { sensors } from "sensor";
import { startBatterySensor } from "./app.js";

whenJoined((options) => {
  const measured = readings({ sensors: sensors() });
  const memory = { ...kept === undefined ? {} : { kept }, keptBytesMax: keptBytes };
  return startBatterySensor(options, memory, Number(config.seconds), () => measured.sample(), rest);
});
