import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { HttpProblem } from "./problem.js";

export const DEFAULT_ADDRESS = "127.0.0.1";
export const DEFAULT_HTTP_PORT = 8600;
/** The shortest and the longest token. */
const TOKEN_MIN = 16;
const TOKEN_MAX = 256;

export interface HttpAddress {
  address: string;
  port: number;
}

/**
 * Reads "127.0.0.1:8600", an address alone, or a port alone. An IPv6 address before a port stands in brackets.
 *
 * @throws Error that says what is wrong
 */
export function parseHttpAddress(text: string): HttpAddress {
  if (isIP(text) !== 0) return { address: text, port: DEFAULT_HTTP_PORT };
  const [, bracketed, plain = DEFAULT_ADDRESS, digits] = /^(?:(?:\[(.*)\]|([^:]+)):|:?)(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? 0);
  const isAddress = bracketed === undefined ? isIPv4(plain) : isIPv6(bracketed);
  if (isAddress && port >= 1 && port <= 65535) return { address: bracketed ?? plain, port };
  throw new Error(`${JSON.stringify(text)} is no IP address, port 1 to 65535, or both, such as 127.0.0.1:8600`);
}

/** Whether only this computer can reach an address. */
export function isLoopback(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

/**
 * Reads a token of the scheme Bearer (RFC 6750).
 *
 * @throws Error that does not show it
 */
export function parseToken(text: string): string {
  const token = text.trim();
  if (!/^[\w.~+/-]+=*$/.test(token) || token.length < TOKEN_MIN || token.length > TOKEN_MAX) {
    throw new Error(`is not a token: ${TOKEN_MIN} to ${TOKEN_MAX} letters, digits and -._~+/`);
  }
  return token;
}

/** Decides which requests are answered. */
export class Guard {
  private readonly port: number;
  /** Its hash, so that all that is compared has one length. */
  private readonly tokenHash: Buffer | undefined;

  constructor(port: number, token?: string) {
    this.port = port;
    this.tokenHash = token === undefined ? undefined : hashOf(token);
  }

  /** Refuses what pages of elsewhere make a browser send. @throws HttpProblem */
  checkSite(request: IncomingMessage): void {
    const { host, origin, "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
    this.checkHost(host);
    // Pages of elsewhere neither read nor hold connections. A link there may lead here; a form may not.
    const isLink = mode === "navigate" && (request.method === "GET" || request.method === "HEAD");
    if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`) {
      throw new HttpProblem(403, `Origin: ${JSON.stringify(origin)} is another site`);
    }
    if ((site === "cross-site" || site === "same-site") && !isLink) {
      throw new HttpProblem(403, `Sec-Fetch-Site: ${JSON.stringify(site)} is another site`);
    }
  }

  /** @throws HttpProblem */
  checkToken(request: IncomingMessage): void {
    if (this.tokenHash === undefined) return;
    const { authorization } = request.headers;
    const [, token] = /^Bearer +(.+)$/i.exec(authorization ?? "") ?? [];
    if (token === undefined || !timingSafeEqual(hashOf(token), this.tokenHash)) {
      const scheme = { "www-authenticate": "Bearer" };
      throw new HttpProblem(401, "Authorization: needs the token of the node, as Bearer", scheme);
    }
  }

  /** A name can lead a browser from a page of elsewhere to this computer (DNS rebinding); a number cannot. */
  private checkHost(host: string | undefined): void {
    if (host === undefined) throw new HttpProblem(400, "Host: is missing");
    const [, bracketed, plain = "", port = "80"] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(host) ?? [];
    const isNamed = bracketed === undefined ? isIPv4(plain) || plain.toLowerCase() === "localhost" : isIPv6(bracketed);
    if (isNamed && Number(port) === this.port) return;
    throw new HttpProblem(403, `Host: ${JSON.stringify(host)} is no IP address or localhost with port ${this.port}`);
  }
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
