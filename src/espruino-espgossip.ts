/** The exports of `require("chisme")` on Espruino with ESPGossip's dialect. The build bundles them into one file. */
export * from "./espgossip/index.js";
export * from "./espruino.js";
