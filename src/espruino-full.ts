/** The exports of `require("chisme")` on Espruino with events and sealing. The build bundles them into one file. */
export * from "./gossip.js";
export { eventFeeds } from "./events/index.js";
export {
  EspruinoClock, type EspruinoPlatform, EspruinoSocket, espruinoPlatform, flashStorage,
} from "./platform/espruino.js";
export { flashLog } from "./platform/espruino-flash.js";
export { espruinoDigest } from "./platform/espruino-digest.js";
export { espruinoSealing } from "./platform/espruino-sealing.js";
export { LatestMap, type LatestMapOptions, latestMap } from "./views/latest-map.js";
