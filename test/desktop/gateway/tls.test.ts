import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Authority, type Certificate, requireOpenssl } from "./certificates.js";
import { eventually, requireSqlite } from "./gateway-process.js";
import { Broker, endBrokers, requireBroker } from "./mqtt/broker.js";
import { NatsServer, requireNats } from "./sites/nats-server.js";
import { Site, endSites } from "./sites/site.js";

describe("a gateway over TLS", function () {
  this.timeout(300000);
  before(function () {
    requireOpenssl(this);
    requireBroker(this, "mosquitto");
    requireNats(this);
    requireSqlite(this);
  });
  afterEach(async () => {
    await endBrokers();
    await endSites();
  });

  const fields = (all: Record<string, string>): string =>
    Object.entries(all).map(([name, value]) => `  ${name}: ${value}\n`).join("");

  /** A gateway whose first section is that of MQTT: `sites` has no lines. */
  function gatewayOf(lines: string): Site {
    return new Site("home", 1, `  servers: ["nats://127.0.0.1:1"]\nmqtt:\n${lines}`);
  }

  async function isRefused({ gateways: [gateway] }: Site, what: string, problem: RegExp): Promise<void> {
    await gateway.start();
    await eventually(`${what} is refused`, () => {
      assert.match(gateway.output, problem);
      return true;
    });
    assert.doesNotMatch(gateway.output, /: connected to/);
    await gateway.close();
  }

  it("publishes to a broker that wants certificates, and to no other one", async () => {
    const authority = new Authority();
    const server = authority.issue("broker");
    const client = authority.issue("gateway");
    const other = new Authority();
    const broker = await new Broker("mosquitto", `cafile ${authority.file}\ncertfile ${server.certificate}\n`
      + `keyfile ${server.key}\nrequire_certificate true\n`).start();
    const url = broker.url.replace("mqtt:", "mqtts:");
    const [ca, cert, key] = [authority.file, client.certificate, client.key].map((file) => readFileSync(file));
    const evil = other.issue("evil");
    const refusals: [string, Record<string, string>, RegExp][] = [
      ["another authority", { url, caFile: other.file }, /mqtt: .*: (self-signed certificate|unable to verify)/],
      ["no certificate", { url, caFile: authority.file }, /mqtt: .*: TLS: tlsv13 alert certificate required; tried/],
      ["a certificate of another authority", {
        url, caFile: authority.file, certificateFile: evil.certificate, certificateKeyFile: evil.key,
      }, /mqtt: .*: TLS: tlsv1 alert unknown ca; tried/],
    ];
    for (const [what, section, problem] of refusals) await isRefused(gatewayOf(fields(section)), what, problem);
    const all = await broker.subscriber("chisme/#", { protocol: "mqtts", ca, cert, key });
    const { gateways } = gatewayOf(fields({
      url, caFile: authority.file, certificateFile: client.certificate, certificateKeyFile: client.key,
    }));
    await gateways[0].start();
    await eventually("it is online", () => all.last("chisme/status") === "online");
    await eventually("its state is there", () => all.last("chisme/nodes/1000/state") === "up");
  });

  it("joins sites at a server that wants certificates, and at no other one", async () => {
    const authority = new Authority();
    const server = authority.issue("nats");
    const other = new Authority();
    const tls = ({ certificate, key }: Certificate): string =>
      `tls { ca_file: "${authority.file}", cert_file: "${certificate}", key_file: "${key}", verify: true }`;
    const start = async (of: Certificate, address: string): Promise<string> =>
      (await new NatsServer({ address, lines: tls(of) }).start()).url.replace("nats:", "tls:");
    const url = await start(server, "127.0.0.1");
    const elsewhere = await start(server, "127.0.0.2");
    const section = (ca: Authority, by: Authority, name: string, at = url): string => {
      const { certificate, key } = by.issue(name);
      return fields({ servers: `["${at}"]`, caFile: ca.file, certificateFile: certificate, certificateKeyFile: key });
    };
    const isMissing = /sites: .*: TLS: .*bad certificate; tried/;
    const refusals: [string, string, RegExp][] = [
      ["another authority", section(other, authority, "home"), /sites: .*: unable to verify the first certificate;/],
      ["a certificate of another authority", section(authority, other, "home"), isMissing],
      ["no certificate", fields({ servers: `["${url}"]`, caFile: authority.file }), isMissing],
      ["another address", section(authority, authority, "home", elsewhere),
        /sites: .*: Hostname\/IP does not match certificate's altnames: IP: 127.0.0.2 is not in the cert's list/],
    ];
    for (const [what, lines, problem] of refusals) await isRefused(new Site("home", 1, lines), what, problem);
    const home = await new Site("home", 1, section(authority, authority, "home")).start();
    const away = await new Site("away", 1, section(authority, authority, "away")).start();
    home.addNodes(1)[0].log("door", "open");
    await eventually("the event is at the other site", () =>
      away.gateways[0].count("events WHERE site <> 0 AND topic = 'door'") === 1);
  });
});
