import { checkNames } from "../checks.js";
import { invalid } from "../errors.js";
import type { GossipNode } from "../gossip-node.js";
import { WebAnswer } from "./answer.js";
import { memberTexts } from "./members.js";
import { PAGE, PAGE_POLICY } from "./page.js";

export { WebAnswer } from "./answer.js";

export interface WebOptions {
  /**
   * Names under which browsers may ask for this node, up to 8, such as "hall.example". Without them: IPv4 addresses and
   * names that end in ".local". Any other name may be one that a page of elsewhere leads here (DNS rebinding).
   */
  hosts?: string[];
  /** Who reads nodes needs this token, as `Authorization: Bearer`: 16 to 256 letters, digits and `-._~+/`. */
  token?: string;
}

/** The head of a request over HTTP. */
export interface WebRequest {
  method: string;
  /** Path with its query, if it has one. */
  path: string;
  /** @param name in lower case */
  header: (name: string) => string | undefined;
}

const HOSTS_MAX = 8;
const TOKEN_MIN = 16;
const TOKEN_MAX = 256;
/** Characters of the page that are in RAM at a time. */
const PIECE = 512;

/** What a node answers over HTTP: `/`, a page, and `/v1/nodes`, its rows as JSON. Nothing changes the node. */
export class WebAnswers {
  private readonly gossip: GossipNode;
  private readonly hosts: string[];
  private readonly token: string | undefined;

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(gossip: GossipNode, options: WebOptions) {
    checkNames("", options, "hosts token");
    this.gossip = gossip;
    this.hosts = checkHosts(options.hosts);
    this.token = checkToken(options.token);
  }

  /** The answer to a request. Its connection is closed after it. */
  answer(request: WebRequest): WebAnswer {
    const whole = this.wholeAnswer(request);
    return request.method === "HEAD" ? new WebAnswer(whole.status, whole.headers, () => "") : whole;
  }

  private wholeAnswer(request: WebRequest): WebAnswer {
    const host = request.header("host");
    if (host === undefined) return problem(400, "Bad Request", "Host: is missing");
    if (!this.isOwnName(host)) return problem(403, "Forbidden", "Host: is no IP address or name of this node");
    const origin = request.header("origin");
    if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
      return problem(403, "Forbidden", "Origin: is another site");
    }
    const query = request.path.indexOf("?");
    const path = query < 0 ? request.path : request.path.substring(0, query);
    if (path !== "/" && path !== "/v1/nodes") return problem(404, "Not Found", "paths: / and /v1/nodes");
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem(405, "Method Not Allowed", "methods: GET and HEAD", "allow", "GET, HEAD");
    }
    if (path === "/") return page();
    if (!this.isKnown(request.header("authorization"))) {
      return problem(401, "Unauthorized", "Authorization: needs the token of the node", "www-authenticate", "Bearer");
    }
    return new WebAnswer(200, headers("application/json"), memberTexts(this.gossip));
  }

  private isOwnName(host: string): boolean {
    const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
    return /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) || /^[\w.-]+\.local$/.test(name)
      || this.hosts.indexOf(name) >= 0;
  }

  /** Compares in a time that depends on nothing but lengths. */
  private isKnown(authorization: string | undefined): boolean {
    const token = this.token;
    if (token === undefined) return true;
    if (authorization === undefined || !/^Bearer /i.test(authorization)) return false;
    const given = authorization.substring("Bearer ".length).trim();
    let differences = given.length ^ token.length;
    for (let i = 0; i < token.length; i++) differences |= given.charCodeAt(i) ^ token.charCodeAt(i);
    return differences === 0;
  }
}

function checkHosts(hosts: unknown): string[] {
  if (hosts === undefined) return [];
  if (!Array.isArray(hosts) || hosts.length > HOSTS_MAX) {
    throw invalid("", "hosts", `is not an array of up to ${HOSTS_MAX} names`, Array.isArray(hosts));
  }
  const names: string[] = [];
  for (let i = 0; i < hosts.length; i++) {
    const name = hosts[i] as unknown;
    if (typeof name !== "string" || !/^[\w.-]{1,253}$/.test(name)) {
      throw invalid("", `hosts[${i}]`, "is not a host name without a port", typeof name === "string");
    }
    names.push(name.toLowerCase());
  }
  return names;
}

function checkToken(token: unknown): string | undefined {
  if (token === undefined) return undefined;
  const isText = typeof token === "string";
  if (!isText || !/^[\w.~+/-]+=*$/.test(token) || token.length < TOKEN_MIN || token.length > TOKEN_MAX) {
    const rule = `is not a token: ${TOKEN_MIN} to ${TOKEN_MAX} letters, digits and -._~+/`;
    throw invalid("", "token", rule, isText);
  }
  return token;
}

function headers(type: string): string[] {
  return [
    "content-type", type, "cache-control", "no-store", "x-content-type-options", "nosniff", "connection", "close",
  ];
}

function page(): WebAnswer {
  const all = headers("text/html; charset=utf-8");
  all.push("content-security-policy", PAGE_POLICY, "content-length", String(PAGE.length));
  let at = 0;
  return new WebAnswer(200, all, () => {
    const piece = PAGE.substring(at, at + PIECE);
    at += piece.length;
    return piece;
  });
}

/** An error, as problem details of RFC 9457. */
function problem(status: number, title: string, detail: string, name?: string, value?: string): WebAnswer {
  const all = headers("application/problem+json");
  if (name !== undefined && value !== undefined) all.push(name, value);
  let text = `${JSON.stringify({ type: "about:blank", title, status, detail })}\n`;
  all.push("content-length", String(text.length));
  return new WebAnswer(status, all, () => {
    const whole = text;
    text = "";
    return whole;
  });
}
