/** What `require("chisme")` gives on Espruino with ESPGossip's dialect: the build puts all of it into one file. */
export * from "./espgossip/index.js";
export * from "./espruino.js";
