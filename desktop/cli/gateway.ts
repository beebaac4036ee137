import { Command } from "commander";
import type { GatewayFlags } from "./gateway-run.js";

const HELP = `
Without CONFIG the flags are the configuration. With both, flags come first.
SIGHUP reads CONFIG again: a wrong one is refused, and the old one stays.
SIGTERM and SIGINT end the gateway within 5 s, with all written.

Exit status: 0 ended by a signal or by chisme leave; 1 it cannot run, or not all
could be written; 2 the configuration is wrong.`;

/** `chisme gateway`. */
export function gatewayCommand(): Command {
  return new Command("gateway")
    .description("Run a node that carries data out of the network and in: a database, hooks, brokers.")
    .argument("[config]", "configuration in YAML, as docs/GATEWAY.md describes it")
    .option("--init", "write a configuration with comments, and end; an existing file is left alone")
    .option("--check", "check the configuration, and end")
    .option("--storage <folder>", "storage: folder of the node")
    .option("--listen <address[:port]>", "node.listen: IPv4 address to bind to")
    .option("--seed <host[:port]>", "node.seed: address of another node; repeatable",
      (text: string, before: string[] = []) => [...before, text])
    .option("--name <text>", "node.name: name that all nodes show")
    .option("--signed", "node.signed: sign events with the identity in the storage, and take only signed ones")
    .option("--owner <key|file>", "node.owner: public key of the network's owner, or a card file")
    .option("--sqlite <file>", "sqlite.file: the database")
    .option("--http [address:port]", "http.listen: show the node over HTTP (without a value: 127.0.0.1:8600)")
    .option("--mqtt <url>", "mqtt.url: broker, such as mqtt://192.168.0.2")
    .option("--home-assistant", "mqtt.homeAssistant: Home Assistant finds the nodes by itself")
    .addHelpText("after", HELP)
    .showHelpAfterError("(chisme gateway --help lists the options)")
    .action(async (file: string | undefined, flags: GatewayFlags) => {
      const { runGateway } = await import("./gateway-run.js");
      await runGateway(file, flags);
    });
}
