import { decimal, show } from "./checks.js";
import { SUBNETS_MAX, isTrusted } from "./engine/table/subnets.js";
import { formatAddress, parseAddress } from "./engine/wire/address.js";
import { invalid } from "./errors.js";

const NAME = "trustedSubnets";
const EXAMPLE = '"192.168.0.0/16"';

/**
 * Reads the option `trustedSubnets`: 1 to 8 IPv4 subnets such as "192.168.0.0/16".
 *
 * @returns network address and mask of each in turn; undefined where the option was not given
 */
export function checkTrustedSubnets(subnets: unknown): Uint32Array | undefined {
  if (subnets === undefined) return undefined;
  if (!Array.isArray(subnets)) {
    throw invalid("", NAME, `${show(subnets)} is not an array of subnets such as ${EXAMPLE}`, false);
  }
  if (subnets.length < 1 || subnets.length > SUBNETS_MAX) {
    throw invalid("", NAME, `${subnets.length} subnets are not 1 to ${SUBNETS_MAX}`, true);
  }
  const words = new Uint32Array(2 * subnets.length);
  for (let i = 0; i < subnets.length; i++) readSubnet(`${NAME}[${i}]`, subnets[i], words, 2 * i);
  return words;
}

/** Writes network address and mask of a subnet. */
function readSubnet(name: string, text: unknown, words: Uint32Array, at: number): void {
  const isText = typeof text === "string";
  const slash = isText ? text.indexOf("/") : -1;
  const address = isText && slash > 0 ? parseAddress(text.substring(0, slash)) : -1;
  const bits = isText && slash > 0 ? decimal(text.substring(slash + 1)) : NaN;
  if (!isText || address < 0 || !(bits >= 0 && bits <= 32)) {
    throw invalid("", name, `${show(text)} is not an IPv4 subnet such as ${EXAMPLE}`, isText);
  }
  // A shift by 32 would shift by 0.
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const network = (address & mask) >>> 0;
  if (network !== address) {
    const problem = `${show(text)} is the address of a host: the subnet is "${formatAddress(network)}/${bits}"`;
    throw invalid("", name, problem, true);
  }
  words[at] = network;
  words[at + 1] = mask;
}

/** @param method that the argument is of; "" for an option @throws RangeError when the address is not trusted */
export function checkTrusted(method: string, name: string, address: number, subnets: Uint32Array | undefined): void {
  if (isTrusted(subnets, address)) return;
  throw invalid(method, name, `${show(formatAddress(address))} is in none of the ${NAME}`, true);
}
