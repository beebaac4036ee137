/** What `require("chisme")` gives on Espruino: the build puts all of it into one file. */
export * from "./gossip.js";
export {
  EspruinoClock, type EspruinoPlatform, EspruinoSocket, espruinoPlatform, flashStorage,
} from "./platform/espruino.js";
