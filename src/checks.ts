import { parseAddress } from "./engine/wire/address.js";
import { invalid } from "./errors.js";

const HOST_NAME_MAX = 253;
const LABEL_MAX = 63;
const DOT = 46;
const HYPHEN = 45;
const UNDERSCORE = 95;

/**
 * Reads "192.168.0.54" or "192.168.0.54:5001" and appends address and port to `out`.
 *
 * @param method that the argument is of; "" for an option
 */
export function parseEndpoint(method: string, name: string, text: unknown, port: number, out: number[]): void {
  const colon = portColon(method, name, text);
  const host = colon < 0 ? text : (text as string).substring(0, colon);
  out.push(checkAddress(method, name, host));
  pushPort(method, name, text, colon, port, out);
}

/** Reads a seed as `parseEndpoint` does. For a host name it appends address 0 to `out`, and the name to `names`. */
export function parseSeed(name: string, text: unknown, port: number, out: number[], names: string[]): void {
  const colon = portColon("", name, text);
  const host = colon < 0 ? text : (text as string).substring(0, colon);
  if (typeof host !== "string" || !isHostName(host)) {
    parseEndpoint("", name, text, port, out);
    return;
  }
  out.push(0);
  names.push(host);
  pushPort("", name, text, colon, port, out);
}

/** Where the port of "192.168.0.54:5001" begins, less 1; -1 if there is none. Refuses IPv6. */
function portColon(method: string, name: string, text: unknown): number {
  if (typeof text !== "string") return -1;
  const colon = text.indexOf(":");
  const dot = text.indexOf(".");
  // Two colons, and not an IPv4 address before the first one.
  if (text.indexOf(":", colon + 1) > colon && (dot < 0 || dot > colon)) {
    throw invalid(method, name, `${show(text)}: IPv6 is not supported, only IPv4 addresses and host names`, true);
  }
  return colon;
}

function pushPort(
  method: string, name: string, text: unknown, colon: number, port: number, out: number[],
): void {
  const portText = colon < 0 ? "" : (text as string).substring(colon + 1);
  const number = colon < 0 ? port : decimal(portText);
  if (!(number >= 1 && number <= 65535)) {
    throw invalid(method, name, `port ${show(portText)} is not an integer from 1 to 65535`, true);
  }
  out.push(number);
}

/** Whether a text is a host name (RFC 1123, and "_"): its last label has a letter, else it is a wrong address. */
function isHostName(text: string): boolean {
  if (text.length > HOST_NAME_MAX) return false;
  let labelStart = 0;
  let hasLetter = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (i === labelStart || i - labelStart > LABEL_MAX) return false;
      labelStart = i + 1;
      hasLetter = false;
    } else {
      const isLetter = (code | 32) >= 97 && (code | 32) <= 122;
      const isOther = (code >= 48 && code <= 57) || code === HYPHEN || code === UNDERSCORE;
      if (!isLetter && !isOther) return false;
      hasLetter = hasLetter || isLetter;
    }
  }
  return hasLetter && text.length - labelStart <= LABEL_MAX;
}

/** Reads an IPv4 address other than 0.0.0.0, as uint32. */
export function checkAddress(method: string, name: string, text: unknown): number {
  const isText = typeof text === "string";
  const address = isText ? parseAddress(text) : -1;
  if (address > 0) return address;
  throw invalid(method, name, `${show(text)} is not an IPv4 address such as "192.168.0.54"`, isText);
}

/**
 * An option that is an integer from `least` to `most`; `fallback` where it was not given.
 *
 * @param limit says in the error which other option `most` comes from, such as "105 less than datagramBytesMax"
 */
export function integer(
  name: string, value: unknown, fallback: number, least: number, most: number, limit?: string,
): number {
  const number = value === undefined ? fallback : value;
  const isNumber = typeof number === "number";
  if (isNumber && Math.floor(number) === number && number >= least && number <= most) return number;
  const reason = limit === undefined ? "" : ` (${limit})`;
  throw invalid("", name, `${show(number)} is not an integer from ${least} to ${most}${reason}`, isNumber);
}

/** An argument that is a uint32, at least that of the node. */
export function checkRevision(method: string, revision: unknown, least: number): void {
  const isNumber = typeof revision === "number";
  if (!isNumber || revision >>> 0 !== revision) {
    throw invalid(method, "revision", `${show(revision)} is not an integer from 0 to 4294967295`, isNumber);
  }
  if (revision < least) throw invalid(method, "revision", `${revision} is below the node's, ${least}`, true);
}

/** An option that is an object with methods; `methods` names them, with a space between two. */
export function checkObject(name: string, value: unknown, methods: string): void {
  const names = methods.split(" ");
  for (let i = 0; i < names.length; i++) {
    const good = typeof value === "object" && value !== null
      && typeof (value as Record<string, unknown>)[names[i]] === "function";
    if (!good) throw invalid("", name, `${show(value)} has no method ${names[i]}`, false);
  }
}

/** An option that is an array of views, or was not given. */
export function checkViews(name: string, views: unknown, methods: string, example: string): void {
  if (views === undefined) return;
  if (!Array.isArray(views)) {
    throw invalid("", name, `${show(views)} is not an array of views, such as ${example} makes`, false);
  }
  for (let i = 0; i < views.length; i++) checkObject(`${name}[${i}]`, views[i], methods);
}

/** An option that is a function, or was not given. */
export function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw invalid("", name, `${show(value)} is not a function`, false);
}

/** The options of a maker such as `minMax()`: functions, and others, all named with a space between two. */
export function checkGiven(options: object, functions: string, others: string): void {
  if (typeof options !== "object") throw invalid("", "options", `${show(options)} is not an object`, false);
  checkNames("", options, `${functions} ${others}`);
  const names = functions.split(" ");
  for (let i = 0; i < names.length; i++) checkFunction(names[i], (options as Record<string, unknown>)[names[i]]);
}

/** Refuses a view that a node has already: it would mix the data of two nodes. */
export function checkUnbound(name: string, isBound: boolean): void {
  if (isBound) throw invalid("", name, "one of the views belongs to another node; each node needs its own", true);
}

/** Refuses options that are not among `known`, names with a space between two. */
export function checkNames(prefix: string, options: object, known: string): void {
  const names = Object.keys(options);
  for (let i = 0; i < names.length; i++) {
    if (` ${known} `.indexOf(` ${names[i]} `) < 0) {
      throw invalid("", prefix + names[i], "there is no such option", false);
    }
  }
}

/** A value as messages show it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** Reads an integer of 1 to 5 digits, without zeros in front; NaN for any other text. */
export function decimal(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return NaN;
  }
  const isLong = text.length > 5 || (text.length > 1 && text.charCodeAt(0) === 48);
  return text.length === 0 || isLong ? NaN : Number(text);
}

/** Whether each author's value of a topic counts beside those of others (PROTOCOL 10.1). */
export function isMergeTopic(topic: string): boolean {
  return topic.charAt(0) === "+";
}
