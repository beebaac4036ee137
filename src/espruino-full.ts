/** What `require("chisme")` gives on Espruino with events and sealing: the build puts all of it into one file. */
export * from "./espruino.js";
export { eventFeeds } from "./feeds.js";
export { flashLog } from "./platform/espruino-flash.js";
export { espruinoSealing } from "./platform/espruino-sealing.js";
export { type LatestMap, type LatestMapOptions, latestMap } from "./views/latest-map.js";
