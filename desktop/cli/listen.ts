import { isIPv6 } from "node:net";
import { DEFAULT_PORT } from "../../src/platform/udp.js";
import { numeric } from "./number.js";

/** Where a node listens. */
export interface Listen {
  /** undefined: all interfaces. */
  address: string | undefined;
  port: number;
  /** No UDP. */
  isNone: boolean;
}

/** Splits "127.0.0.2:5001"; either part may be missing. Both are checked later, with the other options. */
export function parseListen(text = ""): Listen {
  const colon = isIPv6(text) ? -1 : text.indexOf(":");
  const address = colon < 0 ? text : text.substring(0, colon);
  const port = colon < 0 ? DEFAULT_PORT : numeric(text.substring(colon + 1));
  const isNone = address === "none";
  return { address: isNone || address === "" || address === "0.0.0.0" ? undefined : address, port, isNone };
}
