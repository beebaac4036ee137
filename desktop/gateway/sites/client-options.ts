import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { type PeerCertificate, checkServerIdentity } from "node:tls";
import { type NodeConnectionOptions, credsAuthenticator } from "@nats-io/transport-node";
import type { OutputContext } from "../output.js";
import { readSecret } from "../secrets.js";
import type { SitesSection } from "./sites-section.js";

/**
 * Options of a connection to the servers of a section, which says who the gateway is.
 *
 * @throws Error that names the option
 */
export function clientOptions(section: SitesSection, { secrets }: OutputContext): NodeConnectionOptions {
  const { servers, user } = section;
  const file = (name: "caFile" | "certificateFile" | "certificateKeyFile" | "credentialsFile"): string | undefined => {
    const path = section[name];
    if (path === undefined) return undefined;
    try {
      return readFileSync(resolve(secrets.folder, path), "utf8");
    } catch (error) {
      throw new Error(`sites.${name}: ${(error as Error).message}`, { cause: error });
    }
  };
  const password = readSecret(secrets, "sites", section, "password");
  const token = readSecret(secrets, "sites", section, "token");
  const credentials = file("credentialsFile");
  for (const line of credentials?.split("\n") ?? []) secrets.hide(line.trim());
  const [ca, cert, key] = [file("caFile"), file("certificateFile"), file("certificateKeyFile")];
  const isTls = ca !== undefined || cert !== undefined || servers.some((server) => server.startsWith("tls:"));
  const tls = {
    checkServerIdentity: identityCheck(servers),
    ...ca !== undefined && { ca }, ...cert !== undefined && { cert }, ...key !== undefined && { key },
  };
  return {
    name: "chisme gateway",
    ...user !== undefined && { user },
    ...password !== undefined && { pass: password },
    ...token !== undefined && { token },
    ...credentials !== undefined && { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) },
    ...isTls && { tls },
  };
}

/**
 * Compares a certificate with the servers. Where a server is an address, the client library does not tell Node.js which
 * one it is, so that a certificate for it would be refused. A certificate for any address of the list is one of these
 * servers; a name counts only if it is in the list.
 */
function identityCheck(servers: readonly string[]): (host: string, certificate: PeerCertificate) => Error | undefined {
  const hosts = servers.map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ""));
  return (host, certificate) => {
    const possible = hosts.filter((server) => server === host || isIP(server) !== 0);
    const problems = possible.map((server) => checkServerIdentity(server, certificate));
    return problems.includes(undefined) ? undefined : problems[0] ?? checkServerIdentity(host, certificate);
  };
}
